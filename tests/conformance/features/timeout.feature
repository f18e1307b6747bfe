Feature: Timeouts and waits
  Time limits of tasks and workflows interrupt whatever they find; waits take what they say.

  Scenario Outline: A task's time limit interrupts <kind>
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: limit, version: 1.0.0}
      do:
        - limited: {timeout: {after: PT5S}, <body>}
        - never: {set: {never: true}}
      """
    And GET https://shop.example.com/slow answers:
      """yaml
      never: true
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/limited
      """
    And it should have taken PT5S
    And never should run 0 times

    Examples:
      | kind | body |
      | a wait | wait: PT1H |
      | a call | call: http, with: {method: get, endpoint: 'https://shop.example.com/slow'} |
      | a listen | listen: {to: {one: {with: {type: never.comes}}}} |
      | a do | do: [{inner: {wait: PT1H}}] |
      | a for | for: {in: '[1, 2, 3]'}, do: [{inner: {wait: PT3S}}] |
      | a fork | fork: {branches: [{one: {wait: PT1H}}, {two: {wait: PT2S}}]} |
      | a try | try: [{inner: {wait: PT1H}}], catch: {errors: {with: {status: 500}}, do: [{x: {set: {x: 1}}}]} |
      | a retry that waits | try: [{inner: {raise: {error: {type: 'https://example.com/e', status: 500}}}}], catch: {retry: {delay: PT1H}} |

  Scenario: The workflow's time limit ends everything
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: limit, version: 1.0.0}
      timeout: {after: {minutes: 1}}
      do:
        - both:
            fork:
              branches:
                - one: {wait: PT1H}
                - two: {wait: PT30S}
      """
    When the workflow is executed
    Then the workflow should fault with error type 'timeout' and status 408
    And it should have taken PT1M
    And one should have been cancelled
    And two should have been completed

  Scenario: The workflow's time limit cannot be caught
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: limit, version: 1.0.0}
      timeout: {after: PT10S}
      do:
        - attempt:
            try:
              - long: {wait: PT1H}
            catch:
              do:
                - caught: {set: {caught: true}}
      """
    When the workflow is executed
    Then the workflow should fault with error type 'timeout' and status 408
    And caught should run 0 times

  Scenario: A task's time limit can be caught, and the flow goes on
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: limit, version: 1.0.0}
      do:
        - attempt:
            try:
              - long: {wait: PT1H, timeout: {after: PT2S}}
            catch:
              errors: {with: {type: 'https://serverlessworkflow.io/spec/1.0.0/errors/timeout'}}
              do:
                - caught: {set: {after: '${ $error.status }'}}
        - more: {wait: PT1S}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      after: 408
      """
    And it should have taken PT3S

  Scenario: What is quick enough is not touched by its time limit
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: limit, version: 1.0.0}
      timeout: {after: PT11S}
      do:
        - quick: {wait: PT4S, timeout: {after: PT5S}}
        - slow: {wait: PT6S}
      """
    When the workflow is executed
    Then the workflow should complete
    And it should have taken PT10S

  Scenario: A time limit is named from use.timeouts
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: limit, version: 1.0.0}
      use:
        timeouts:
          brief: {after: PT9S}
      do:
        - long: {wait: PT1H, timeout: brief}
      """
    When the workflow is executed
    Then the workflow should fault with error type 'timeout' and status 408
    And it should have taken PT9S

  Scenario: A time limit is computed from the task's input
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: limit, version: 1.0.0}
      do:
        - long: {wait: PT1H, timeout: {after: '${ "PT\(.patience)S" }'}}
      """
    And the workflow input is:
      """yaml
      patience: 42
      """
    When the workflow is executed
    Then the workflow should fault with error type 'timeout' and status 408
    And it should have taken PT42S

  Scenario: A time limit runs anew for each run of a try
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: limit, version: 1.0.0}
      do:
        - attempt:
            try:
              - long: {wait: PT1H, timeout: {after: PT2S}}
            catch: {retry: {delay: PT1S, limit: {attempt: {count: 3}}}}
      """
    When the workflow is executed
    Then the workflow should fault with error type 'timeout' and status 408
    And it should have taken PT8S
    And long should run 3 times

  Scenario Outline: A wait of <text> takes <time>
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: wait, version: 1.0.0}
      do:
        - pause: {wait: <text>}
      """
    And the workflow input is:
      """yaml
      long: PT1M5S
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      long: PT1M5S
      """
    And it should have taken <time>

    Examples:
      | text | time |
      | PT1.5S | PT1.5S |
      | P1D | PT24H |
      | P1W | PT168H |
      | {milliseconds: 250} | PT0.25S |
      | {hours: 1, minutes: 2, seconds: 3} | PT3723S |
      | {days: 2} | PT48H |
      | '${ .long }' | PT65S |

  Scenario: A wait that gives no duration is an error of its task
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: wait, version: 1.0.0}
      do:
        - pause: {wait: '${ .long }'}
      """
    And the workflow input is:
      """yaml
      long: for a while
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      status: 400
      instance: /do/0/pause
      """

  Scenario: A negative wait is refused when the file is read
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: wait, version: 1.0.0}
      do:
        - pause: {wait: {seconds: -1}}
      """
    When the workflow is executed
    Then the workflow should be refused with 'scenario.yaml:3:'

  Scenario: Nothing goes on before its time
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: wait, version: 1.0.0}
      do:
        - pause: {wait: PT10S}
        - after: {set: {after: true}}
      """
    When the workflow is started
    And the clock moves PT9.999S
    Then the workflow should still be running
    And after should run 0 times
    When the clock moves PT0.001S
    Then the workflow should complete
    And after should run 1 times
