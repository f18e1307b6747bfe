Feature: Calls over HTTP
  What is sent, what becomes of the answer, what is an error.

  Scenario Outline: A body of <kind> goes out as <type>
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - send:
            call: http
            with: {method: post, endpoint: 'https://shop.example.com/a', body: <body><more>}
      """
    And the workflow input is:
      """yaml
      {n: 5, text: some}
      """
    And POST https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - method: POST
        text: <sent>
        headers: {content-type: '<contains <type>>'}
      """

    Examples:
      | kind | body | more | sent | type |
      | members | {a: '${ .n }', b: [x]} | | '{"a":5,"b":["x"]}' | application/json |
      | a list | ['${ .n }', 2] | | '[5,2]' | application/json |
      | members as a form | {a: '${ .n }', b: x y} | , headers: {Content-Type: application/x-www-form-urlencoded} | <contains a=5&b=x> | application/x-www-form-urlencoded |

  Scenario: Text goes out as it is
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - send: {call: http, with: {method: put, endpoint: 'https://shop.example.com/a', headers: {Content-Type: text/plain}, body: 'hello, world'}}
      """
    And PUT https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - {method: PUT, text: 'hello, world', headers: {content-type: text/plain}}
      """

  Scenario: Headers and query are computed, and encoded where they must be
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask:
            call: http
            with:
              method: get
              endpoint: https://shop.example.com/a
              headers: {X-Number: '${ .n }', X-Plain: plain}
              query: {text: '${ .text }', list: [1, 2], n: '${ .n }'}
      """
    And the workflow input is:
      """yaml
      {n: 5, text: 'a b&c'}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - url: https://shop.example.com/a?text=a%20b%26c&list=1&list=2&n=5
        headers: {x-number: '5', x-plain: plain, traceparent: <contains 00->}
      """

  Scenario Outline: {name} in a URI with <value>
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/x{id}y'}}
      """
    And the workflow input is:
      """yaml
      <value>
      """
    And GET https://shop.example.com/x<sent>y answers 200
    When the workflow is executed
    Then the workflow should complete

    Examples:
      | value | sent |
      | {id: plain} | plain |
      | {id: a/b c} | a%2Fb%20c |
      | {id: 17} | 17 |
      | {id: true} | true |
      | {other: 1} |  |

  Scenario: {name} that is no scalar is an error
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/{id}'}}
      """
    And the workflow input is:
      """yaml
      id: [1]
      """
    When the workflow is executed
    Then the workflow should fault with error type 'expression' and status 400
    And 0 requests should have been sent

  Scenario: An endpoint is computed
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: '${ .how }', endpoint: '${ .where + "/b" }'}}
      """
    And the workflow input is:
      """yaml
      {where: 'https://shop.example.com', how: delete}
      """
    And DELETE https://shop.example.com/b answers 200
    When the workflow is executed
    Then the workflow should complete
    And 1 requests should have been sent

  Scenario Outline: Content of the type <type> becomes <what>
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a', output: <output>}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      {base64: <bytes>, headers: {Content-Type: <type>}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      <content>
      """

    Examples:
      | type | what | output | bytes | content |
      | application/json | a value | content | eyJhIjoxfQ== | {a: 1} |
      | application/problem+json | a value | content | eyJhIjoxfQ== | {a: 1} |
      | text/plain | text | content | aGVsbG8= | hello |
      | text/html; charset=utf-8 | text | content | w6k= | é |
      | image/png | base64 | content | iVBORw== | iVBORw== |
      | application/json | base64 where raw is asked for | raw | eyJhIjoxfQ== | eyJhIjoxfQ== |

  Scenario: The whole response
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a', output: response}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      {status: 201, json: {a: 1}, headers: {X-More: more}}
      """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'statusCode' property with value:
      """yaml
      201
      """
    And the workflow output should have a 'content' property with value:
      """yaml
      {a: 1}
      """
    And the workflow output should have properties 'request.method', 'request.uri', 'request.headers', 'headers'

  Scenario Outline: An answer without a body, to <method> with <status>, gives null
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: <method>, endpoint: 'https://shop.example.com/a'}}
      """
    And <method> https://shop.example.com/a answers:
      """yaml
      status: <status>
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      null
      """

    Examples:
      | method | status |
      | DELETE | 204 |
      | HEAD | 200 |
      | GET | 200 |

  Scenario Outline: The status <status> with redirect <redirect>
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a', redirect: <redirect>}}
      """
    And GET https://shop.example.com/a answers <status>
    When the workflow is executed
    Then <verdict>

    Examples:
      | status | redirect | verdict |
      | 200 | false | the workflow should complete |
      | 299 | false | the workflow should complete |
      | 304 | false | the workflow should fault with error type 'communication' and status 304 |
      | 304 | true | the workflow should complete |
      | 400 | true | the workflow should fault with error type 'communication' and status 400 |
      | 404 | false | the workflow should fault with error type 'communication' and status 404 |
      | 500 | false | the workflow should fault with error type 'communication' and status 500 |

  Scenario: Redirects are followed, with the credential to the same origin only
    Given a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com', 'https://other.example.com'], secret: s3cret-value}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}, redirect: true}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      {status: 302, headers: {Location: /b}}
      """
    And GET https://shop.example.com/b answers:
      """yaml
      {status: 307, headers: {Location: 'https://other.example.com/c'}}
      """
    And GET https://other.example.com/c answers:
      """yaml
      {json: arrived}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      arrived
      """
    And the requests that were sent should be:
      """yaml
      - {url: 'https://shop.example.com/a', headers: {authorization: Bearer s3cret-value}}
      - {url: 'https://shop.example.com/b', headers: {authorization: Bearer s3cret-value}}
      - {url: 'https://other.example.com/c', headers: {authorization: <absent>}}
      """

  Scenario: A redirect is not followed where nobody asked for it
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      {status: 302, headers: {Location: /b}}
      """
    When the workflow is executed
    Then the workflow should fault with error type 'communication' and status 302
    And 1 requests should have been sent

  Scenario: Five redirects are followed, a sixth is an error
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a', redirect: true}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      {status: 302, headers: {Location: /a}}
      """
    When the workflow is executed
    Then the workflow should fault
    And 6 requests should have been sent

  Scenario: Never from https to http
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a', redirect: true}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      {status: 302, headers: {Location: 'http://shop.example.com/b'}}
      """
    When the workflow is executed
    Then the workflow should fault
    And 1 requests should have been sent

  Scenario: A header that is not the author's to set is refused when the file is read
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a', headers: {Host: other}}}
      """
    When the workflow is executed
    Then the workflow should be refused with 'Host'

  Scenario: A header that turns out to hold a line break is an error, and nothing is sent
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a', headers: {X-Text: '${ .text }'}}}
      """
    And the workflow input is:
      """yaml
      text: "a\r\nX-Evil: b"
      """
    When the workflow is executed
    Then the workflow should fault with error type 'configuration' and status 400
    And 0 requests should have been sent

  Scenario: An answer that says it is JSON and is not
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      {base64: e30s, headers: {Content-Type: application/json}}
      """
    When the workflow is executed
    Then the workflow should fault with reason 'content-invalid'

  Scenario: An answer that is larger than allowed
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask:
            call: http
            with: {method: get, endpoint: 'https://shop.example.com/a'}
            metadata: {stepwell: {maxResponseBytes: 8}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      text: more than eight bytes
      """
    When the workflow is executed
    Then the workflow should fault with error type 'communication' and status 500

  Scenario: A server that hangs up is a communication error
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      close: true
      """
    When the workflow is executed
    Then the workflow should fault with error type 'communication' and status 500

  Scenario: A form with a file
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - send:
            call: http
            with:
              method: post
              endpoint: https://shop.example.com/a
              headers: {Content-Type: multipart/form-data}
              body:
                name: Ada
                file: {filename: a.txt, contentType: text/plain, base64: aGVsbG8=}
      """
    And POST https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - headers: {content-type: <contains multipart/form-data; boundary=>}
        text: <contains hello>
      """

  Scenario Outline: Text in the charset <charset> becomes UTF-8
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      {base64: <bytes>, headers: {Content-Type: text/plain; charset=<charset>}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      é
      """

    Examples:
      | charset | bytes |
      | utf-8 | w6k= |
      | iso-8859-1 | 6Q== |
      | utf-16le | 6QA= |

  Scenario: What is null is left out of headers and query
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: http, version: 1.0.0}
      do:
        - ask:
            call: http
            with:
              method: get
              endpoint: https://shop.example.com/a
              headers: {X-None: '${ null }', X-True: '${ true }'}
              query: {none: '${ null }', n: 1}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - {url: 'https://shop.example.com/a?n=1', headers: {x-none: <absent>, x-true: 'true'}}
      """
