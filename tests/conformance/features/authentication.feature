Feature: Authentication
  What goes over the wire for each kind of stored credential and each written-out policy, and how a
  step fails when its credential may not be used.

  Scenario Outline: A stored credential of kind <kind> is sent as it should be
    Given a credential 'crm' of kind '<kind>' with:
      """yaml
      <credential>
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask:
            call: http
            with:
              method: get
              endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - headers: <headers>
      """
    And 's3cret-value' should be seen nowhere

    Examples:
      | kind | credential | headers |
      | bearer | {origins: ['https://shop.example.com'], secret: s3cret-value} | {authorization: Bearer s3cret-value} |
      | basic | {origins: ['https://shop.example.com'], username: ada, secret: s3cret-value} | {authorization: 'Basic YWRhOnMzY3JldC12YWx1ZQ=='} |
      | apiKey | {origins: ['https://shop.example.com'], prefix: Key, secret: s3cret-value} | {authorization: Key s3cret-value} |
      | apiKey | {origins: ['https://shop.example.com'], header: X-Api-Key, secret: s3cret-value} | {x-api-key: s3cret-value, authorization: <absent>} |
      | bearer | {origins: ['https://*.example.com'], secret: s3cret-value} | {authorization: Bearer s3cret-value} |
      | awsSigV4 | {origins: ['https://shop.example.com'], username: AKIDEXAMPLE, secret: s3cret-value, settings: {region: eu-west-1, service: execute-api}} | {authorization: '<contains AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251121/eu-west-1/execute-api/aws4_request>', x-amz-date: 20251121T140000Z} |

  Scenario: A stored credential of kind digest proves its password
    Given a credential 'crm' of kind 'digest' with:
      """yaml
      {origins: ['https://shop.example.com'], username: ada, secret: s3cret-value}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      {digest: {username: ada, password: s3cret-value}, json: {hello: Ada}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      hello: Ada
      """
    And 's3cret-value' should be seen nowhere

  Scenario: A stored credential of kind oauth2 fetches its token once
    Given a credential 'crm' of kind 'oauth2' with:
      """yaml
      origins: ['https://shop.example.com']
      username: client-1
      secret: s3cret-value
      settings: {grant: client_credentials, tokenUrl: 'https://login.example.com/token', scopes: [read]}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
        - again: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
      """
    And POST https://login.example.com/token answers:
      """yaml
      json: {access_token: token-1, token_type: Bearer, expires_in: 3600}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - {method: POST, url: 'https://login.example.com/token', text: <contains grant_type=client_credentials>}
      - {headers: {authorization: Bearer token-1}}
      - {headers: {authorization: Bearer token-1}}
      """
    And 's3cret-value' should be seen nowhere

  Scenario: A client certificate is shown
    Given a credential 'crm' of kind 'clientCertificate' with:
      """yaml
      {origins: ['https://shop.example.com']}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
        - without: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - {certificate: ours, headers: {authorization: <absent>}}
      - {certificate: <absent>}
      """

  Scenario Outline: A written-out <kind> policy
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask:
            call: http
            with:
              method: get
              endpoint: {uri: 'https://shop.example.com/a', authentication: <policy>}
            output: {as: '${ $authorization }'}
      """
    And the workflow input is:
      """yaml
      {name: ada, word: s3cret-value}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      {scheme: <scheme>, parameter: '***'}
      """
    And the requests that were sent should be:
      """yaml
      - headers: {authorization: <sent>}
      """

    Examples:
      | kind | policy | scheme | sent |
      | basic | {basic: {username: '${ .name }', password: '${ .word }'}} | Basic | Basic YWRhOnMzY3JldC12YWx1ZQ== |
      | bearer | {bearer: {token: '${ .word }'}} | Bearer | Bearer s3cret-value |

  Scenario: A written-out digest policy
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask:
            call: http
            with:
              method: get
              endpoint: {uri: 'https://shop.example.com/a', authentication: {digest: {username: ada, password: '${ .word }'}}}
      """
    And the workflow input is:
      """yaml
      word: s3cret-value
      """
    And GET https://shop.example.com/a answers:
      """yaml
      {digest: {username: ada, password: s3cret-value}, json: in}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      in
      """

  Scenario: A policy of use.authentications is named, before a stored credential of the same name
    Given a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com'], secret: stored}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      use:
        authentications:
          crm: {bearer: {token: written}}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - headers: {authorization: Bearer written}
      """

  Scenario: A secret of use.secrets is sent by its name
    Given a credential 'crm' of kind 'basic' with:
      """yaml
      {origins: ['https://shop.example.com'], username: ada, secret: s3cret-value}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      use: {secrets: [crm]}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {basic: {use: crm}}}}}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - headers: {authorization: 'Basic YWRhOnMzY3JldC12YWx1ZQ=='}
      """
    And 's3cret-value' should be seen nowhere

  Scenario: A credential's value is masked where the upstream echoes it
    Given a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com'], secret: s3cret-value}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}, output: response}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      {json: {you: sent s3cret-value, base64: czNjcmV0LXZhbHVl}, headers: {X-Echo: s3cret-value}}
      """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'content.you' property with value:
      """yaml
      sent ***
      """
    And 's3cret-value' should be seen nowhere
    And 'czNjcmV0LXZhbHVl' should be seen nowhere

  Scenario: A credential that does not exist
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: nobody}}}}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/authorization
      status: 403
      reason: credential-unknown
      credential: nobody
      instance: /do/0/ask
      retryable: false
      """
    And 0 requests should have been sent

  Scenario Outline: A credential that is <state> while the workflow waits is not sent any more
    Given a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com'], secret: s3cret-value}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
        - pause: {wait: PT1M}
        - again:
            try:
              - ask2: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
            catch:
              errors: {with: {status: 599}}
              retry: {delay: PT1S}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is started
    And the credential 'crm' is <state>
    And the clock moves PT1M
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/<type>
      status: <status>
      reason: credential-<state>
      credential: crm
      instance: /do/2/again/try/0/ask2
      retryable: false
      sent: 'no'
      """
    And 1 requests should have been sent
    And 's3cret-value' should be seen nowhere

    Examples:
      | state | type | status |
      | revoked | authentication | 401 |
      | disabled | authentication | 401 |
      | deleted | authorization | 403 |

  Scenario: A credential that expires while the workflow waits is not sent any more
    Given the time is 2026-05-01T00:00:00Z
    And a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com'], secret: s3cret-value, expiresAt: 2026-05-01T00:00:59Z}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
        - pause: {wait: PT1M}
        - again: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/authentication
      status: 401
      reason: credential-expired
      instance: /do/2/again
      """
    And 1 requests should have been sent

  Scenario: A disabled credential that is enabled again serves the next attempt
    Given a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com'], secret: s3cret-value}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - pause: {wait: PT1S}
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is started
    And the credential 'crm' is disabled
    And the credential 'crm' is enabled
    And the clock moves PT1S
    Then the workflow should complete
    And 1 requests should have been sent

  Scenario: A rotated credential is used by the next attempt of a running instance
    Given a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com'], secret: first-value}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
            catch: {retry: {delay: PT1M}}
      """
    And GET https://shop.example.com/a answers 503, 200
    When the workflow is started
    And the credential 'crm' is rotated to 'second-value'
    And the clock moves PT1M
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - headers: {authorization: Bearer first-value}
      - headers: {authorization: Bearer second-value}
      """

  Scenario: A request that is under way when its credential is revoked may finish
    Given a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com'], secret: s3cret-value}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      never: true
      """
    When the workflow is started
    And the credential 'crm' is revoked
    And the requests that wait are answered 200
    Then the workflow should complete with output:
      """yaml
      {}
      """

  Scenario: With onRevoke abort it is cut off
    Given a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com'], secret: s3cret-value, onRevoke: abort}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      never: true
      """
    When the workflow is started
    And the credential 'crm' is revoked
    Then the workflow should fault with error:
      """yaml
      status: 401
      reason: credential-revoked
      instance: /do/0/ask
      """

  Scenario: A credential is not sent to another origin than its own
    Given a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com'], secret: s3cret-value}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://other.example.com/a', authentication: {use: crm}}}}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      status: 403
      reason: origin-not-allowed
      """
    And 0 requests should have been sent

  Scenario: A workflow of another namespace may not use it
    Given a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com'], secret: s3cret-value, namespaces: [sales]}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      status: 403
      reason: credential-not-permitted
      """
    And 0 requests should have been sent

  Scenario: After three refusals in a row a credential is rejected, and nothing more is sent
    Given a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com'], secret: s3cret-value}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - loop:
            for: {in: '[1, 2, 3, 4]'}
            do:
              - attempt:
                  try:
                    - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
                  catch:
                    do:
                      - note: {set: {list: '${ .list + [$error.reason] }'}}
      """
    And GET https://shop.example.com/a answers 401
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      list: [rejected-by-upstream, rejected-by-upstream, rejected-by-upstream, credential-rejected]
      """
    And 3 requests should have been sent

  Scenario: A written-out oauth2 policy fetches its token by itself
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask:
            call: http
            with:
              method: get
              endpoint:
                uri: https://shop.example.com/a
                authentication:
                  oauth2:
                    authority: https://login.example.com
                    endpoints: {token: /token}
                    grant: client_credentials
                    client: {id: client-1, secret: '${ .word }'}
                    scopes: [read]
      """
    And the workflow input is:
      """yaml
      word: s3cret-value
      """
    And POST https://login.example.com/token answers:
      """yaml
      json: {access_token: token-1, token_type: Bearer, expires_in: 3600}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      json: {echo: token-1}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      echo: '***'
      """
    And the requests that were sent should be:
      """yaml
      - {method: POST, url: 'https://login.example.com/token', text: <contains grant_type=client_credentials>}
      - {url: 'https://shop.example.com/a', headers: {authorization: Bearer token-1}}
      """

  Scenario: A token that is refused is fetched anew, once
    Given a credential 'crm' of kind 'oauth2' with:
      """yaml
      origins: ['https://shop.example.com']
      username: client-1
      secret: s3cret-value
      settings: {grant: client_credentials, tokenUrl: 'https://login.example.com/token'}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
      """
    And POST https://login.example.com/token answers:
      """yaml
      - json: {access_token: token-1, token_type: Bearer, expires_in: 3600}
      - json: {access_token: token-2, token_type: Bearer, expires_in: 3600}
      """
    And GET https://shop.example.com/a answers 401, 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - {method: POST}
      - {headers: {authorization: Bearer token-1}}
      - {method: POST}
      - {headers: {authorization: Bearer token-2}}
      """

  Scenario: A token endpoint that refuses is an error of the step
    Given a credential 'crm' of kind 'oauth2' with:
      """yaml
      origins: ['https://shop.example.com']
      username: client-1
      secret: s3cret-value
      settings: {grant: client_credentials, tokenUrl: 'https://login.example.com/token'}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: auth, version: 1.0.0}
      do:
        - ask: {call: http, with: {method: get, endpoint: {uri: 'https://shop.example.com/a', authentication: {use: crm}}}}
      """
    And POST https://login.example.com/token answers:
      """yaml
      {status: 401, json: {error: invalid_client}}
      """
    When the workflow is executed
    Then the workflow should fault with reason 'token-refused'
    And 1 requests should have been sent
    And 's3cret-value' should be seen nowhere
