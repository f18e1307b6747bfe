Feature: Retry
  How a try repeats its tasks: how often, after which waits, and when not at all.

  Scenario: A constant backoff waits the same time before each run
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry:
                delay: PT2S
                backoff: {constant: {}}
                limit: {attempt: {count: 4}}
      """
    And GET https://shop.example.com/a answers 503, 503, 503, 200
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      call: 4
      """
    And requests should have been sent at PT0S, PT2S, PT4S, PT6S
    And it should have taken PT6S

  Scenario: A linear backoff waits longer by the delay each time
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry:
                delay: {seconds: 3}
                backoff: {linear: {}}
                limit: {attempt: {count: 4}}
      """
    And GET https://shop.example.com/a answers 503, 503, 503, 200
    When the workflow is executed
    Then the workflow should complete
    And requests should have been sent at PT0S, PT3S, PT9S, PT18S

  Scenario: An exponential backoff doubles the wait
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry:
                delay: PT1S
                backoff: {exponential: {}}
                limit: {attempt: {count: 5}}
      """
    And GET https://shop.example.com/a answers 503, 503, 503, 503, 200
    When the workflow is executed
    Then the workflow should complete
    And requests should have been sent at PT0S, PT1S, PT3S, PT7S, PT15S

  Scenario: An exponential backoff stays below its longest wait
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry:
                delay: PT10S
                backoff: {exponential: {maxDelay: PT25S}}
                limit: {attempt: {count: 5}}
      """
    And GET https://shop.example.com/a answers 503, 503, 503, 503, 200
    When the workflow is executed
    Then the workflow should complete
    And requests should have been sent at PT0S, PT10S, PT30S, PT55S, PT80S

  Scenario: Without a longest wait an exponential backoff stays at an hour
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry:
                delay: PT45M
                backoff: {exponential: {}}
                limit: {attempt: {count: 4}}
      """
    And GET https://shop.example.com/a answers 503, 503, 503, 200
    When the workflow is executed
    Then the workflow should complete
    And requests should have been sent at PT0S, PT45M, PT105M, PT165M

  Scenario Outline: Jitter adds between its bounds, here the <which>
    Given chance gives the <which>
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry:
                delay: PT1S
                jitter: {from: {milliseconds: 100}, to: <to>}
                limit: {attempt: {count: 2}}
      """
    And GET https://shop.example.com/a answers 503, 200
    When the workflow is executed
    Then the workflow should complete
    And requests should have been sent at PT0S, <second>

    Examples:
      | which | to                  | second |
      | least | {milliseconds: 100} | PT1.1S |
      | least | {milliseconds: 355} | PT1.1S |
      | most  | {milliseconds: 355} | PT1.355S |

  Scenario: The last error goes on when the attempts are used up
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry:
                delay: PT1S
                limit: {attempt: {count: 3}}
      """
    And GET https://shop.example.com/a answers 500, 502, 504
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/communication
      status: 504
      instance: /do/0/attempt/try/0/ask
      """
    And 3 requests should have been sent

  Scenario Outline: A limit of <count> attempts makes <requests> requests
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry: {delay: PT1S, limit: {attempt: {count: <count>}}}
      """
    And GET https://shop.example.com/a answers 503
    When the workflow is executed
    Then the workflow should fault with error type 'communication' and status 503
    And <requests> requests should have been sent

    Examples:
      | count | requests |
      | 0     | 1        |
      | 1     | 1        |
      | 2     | 2        |
      | 7     | 7        |

  Scenario: The limit for all attempts leaves out a retry that would begin too late
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry:
                delay: PT4S
                limit: {duration: PT10S}
      """
    And GET https://shop.example.com/a answers 503
    When the workflow is executed
    Then the workflow should fault with error type 'communication' and status 503
    And requests should have been sent at PT0S, PT4S, PT8S

  Scenario: The limit for one attempt ends it and counts as a failure that is retried
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/slow'}}
            catch:
              retry:
                delay: PT1S
                limit: {attempt: {count: 2, duration: PT5S}}
      """
    And GET https://shop.example.com/slow answers:
      """yaml
      - never: true
      - json: {late: true}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      late: true
      """
    And requests should have been sent at PT0S, PT6S

  Scenario: Retry-After in seconds makes a wait longer
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry: {delay: PT1S, limit: {attempt: {count: 2}}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      - {status: 429, headers: {Retry-After: '30'}}
      - {json: done}
      """
    When the workflow is executed
    Then the workflow should complete
    And requests should have been sent at PT0S, PT30S

  Scenario: Retry-After never makes a wait shorter
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry: {delay: PT20S, limit: {attempt: {count: 2}}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      - {status: 503, headers: {Retry-After: '5'}}
      - {json: done}
      """
    When the workflow is executed
    Then the workflow should complete
    And requests should have been sent at PT0S, PT20S

  Scenario: Retry-After as a date is counted from the clock
    Given the time is 2026-03-01T12:00:00Z
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry: {delay: PT1S, limit: {attempt: {count: 2}}}
      """
    And GET https://shop.example.com/a answers:
      """yaml
      - {status: 503, headers: {Retry-After: 'Sun, 01 Mar 2026 12:01:30 GMT'}}
      - {json: done}
      """
    When the workflow is executed
    Then the workflow should complete
    And requests should have been sent at PT0S, PT90S

  Scenario: A policy's when decides which errors are repeated
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              as: problem
              retry:
                when: ${ $problem.status == 503 }
                delay: PT1S
                limit: {attempt: {count: 9}}
      """
    And GET https://shop.example.com/a answers 503, 503, 500
    When the workflow is executed
    Then the workflow should fault with error type 'communication' and status 500
    And 3 requests should have been sent

  Scenario: A policy's exceptWhen leaves errors out
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry:
                exceptWhen: ${ $error.status == 502 }
                delay: PT1S
                limit: {attempt: {count: 9}}
      """
    And GET https://shop.example.com/a answers 503, 502
    When the workflow is executed
    Then the workflow should fault with error type 'communication' and status 502
    And 2 requests should have been sent

  Scenario: A 404 is not repeated by a policy that does not name it
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry: {delay: PT1S, limit: {attempt: {count: 5}}}
      """
    And GET https://shop.example.com/a answers 404
    When the workflow is executed
    Then the workflow should fault with error type 'communication' and status 404
    And 1 requests should have been sent

  Scenario: A 404 is repeated by a policy whose when names it
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry: {when: '${ $error.status == 404 }', delay: PT1S, limit: {attempt: {count: 5}}}
      """
    And GET https://shop.example.com/a answers 404, 200
    When the workflow is executed
    Then the workflow should complete
    And 2 requests should have been sent

  Scenario: A refused login is never repeated, whatever the policy says
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry: {when: 'true', delay: PT1S, limit: {attempt: {count: 5}}}
              do:
                - giveUp: {set: {reason: '${ $error.reason }', status: '${ $error.status }'}}
      """
    And GET https://shop.example.com/a answers 401
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      reason: rejected-by-upstream
      status: 401
      """
    And 1 requests should have been sent

  Scenario: A POST that may have been executed is not sent again
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - order: {call: http, with: {method: post, endpoint: 'https://shop.example.com/orders', body: {n: 1}}}
            catch:
              retry: {delay: PT1S, limit: {attempt: {count: 5}}}
      """
    And POST https://shop.example.com/orders answers:
      """yaml
      close: true
      """
    When the workflow is executed
    Then the workflow should fault with reason 'outcome-unknown'
    And 1 requests should have been sent

  Scenario: A POST that is said to be idempotent is sent again with the same key
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - order:
                  call: http
                  with: {method: post, endpoint: 'https://shop.example.com/orders', body: {n: 1}}
                  metadata: {stepwell: {idempotent: true}}
                  output: {as: .state}
            catch:
              retry: {delay: PT1S, limit: {attempt: {count: 5}}}
      """
    And POST https://shop.example.com/orders answers:
      """yaml
      - close: true
      - json: {state: taken}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      taken
      """
    And the requests that were sent should be:
      """yaml
      - {method: POST, body: {n: 1}, headers: {idempotency-key: <any>}}
      - {method: POST, body: {n: 1}, headers: {idempotency-key: <any>}}
      """

  Scenario: What comes first is the retry, then the handler
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              retry: {delay: PT1S, limit: {attempt: {count: 2}}}
              do:
                - giveUp: {set: {attempt: '${ $error.attempt }'}}
      """
    And GET https://shop.example.com/a answers 503
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      attempt: 2
      """
    And ask should run 2 times
    And giveUp should run 1 times
    And it should have taken PT1S

  Scenario: What raise raises is repeated too
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - count: {set: {n: '${ (.n // 0) + 1 }'}}
              - complain: {raise: {error: {type: 'https://example.com/errors/full', status: 507}}}
            catch:
              retry: {delay: PT1M, limit: {attempt: {count: 3}}}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/full
      status: 507
      instance: /do/0/attempt/try/1/complain
      """
    And count should run 3 times
    And it should have taken PT2M

  Scenario: Each run of a try begins with the same input
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - more: {set: {list: '${ .list + [1] }'}}
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a', query: {n: '${ .list | length }'}}}
            catch:
              retry: {delay: PT1S, limit: {attempt: {count: 3}}}
      """
    And GET https://shop.example.com/a answers 503, 503, 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - {url: 'https://shop.example.com/a?n=1'}
      - {url: 'https://shop.example.com/a?n=1'}
      - {url: 'https://shop.example.com/a?n=1'}
      """

  Scenario: A policy of use.retries is named
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      use:
        retries:
          patient: {delay: PT7S, limit: {attempt: {count: 2}}}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch: {retry: patient}
      """
    And GET https://shop.example.com/a answers 503, 200
    When the workflow is executed
    Then the workflow should complete
    And requests should have been sent at PT0S, PT7S

  Scenario: A retry that waits is cut off by the workflow's stop
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: retry, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch: {retry: {delay: PT1H}}
      """
    And GET https://shop.example.com/a answers 503
    When the workflow is started
    And the clock moves PT30M
    And the workflow is stopped
    Then the workflow should have been stopped
    And 1 requests should have been sent
