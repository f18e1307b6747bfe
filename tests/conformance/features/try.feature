Feature: Try and catch
  Which errors a catch takes, what it gives, and where the flow goes then.

  Scenario Outline: A catch compares <member>, and <verdict>
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catch, version: 1.0.0}
      do:
        - attempt:
            try:
              - complain:
                  raise:
                    error: {type: 'https://example.com/errors/full', status: 507, title: Full, detail: no room}
            catch:
              errors: {with: <filter>}
              do:
                - caught: {set: {caught: true}}
      """
    When the workflow is executed
    Then <verdict>

    Examples:
      | member | filter | verdict |
      | the type | {type: 'https://example.com/errors/full'} | the workflow should complete |
      | another type | {type: 'https://example.com/errors/empty'} | the workflow should fault |
      | the status | {status: 507} | the workflow should complete |
      | another status | {status: 500} | the workflow should fault |
      | the title | {title: Full} | the workflow should complete |
      | the detail | {detail: no room} | the workflow should complete |
      | another detail | {detail: some room} | the workflow should fault |
      | the instance | {instance: /do/0/attempt/try/0/complain} | the workflow should complete |
      | two members of which one differs | {status: 507, title: Empty} | the workflow should fault |

  Scenario Outline: The standard's type <which> is the same under its base <base>
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catch, version: 1.0.0}
      do:
        - attempt:
            try:
              - broken: {set: {n: '${ error("no") }'}}
            catch:
              errors: {with: {type: '<base><which>'}}
              do:
                - caught: {set: {caught: '${ $error.type | split("/") | last }'}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      caught: expression
      """

    Examples:
      | which | base |
      | expression | https://open-workflow-specification.org/spec/1.0.0/errors/ |
      | expression | https://serverlessworkflow.io/spec/1.0.0/errors/ |
      | expression | https://open-workflow-specification.org/dsl/errors/types/ |
      | expression | https://serverlessworkflow.io/dsl/errors/types/ |

  Scenario: A catch's when decides
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catch, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch:
              when: ${ $error.status >= 500 }
              do:
                - caught: {set: {caught: true}}
      """
    And GET https://shop.example.com/a answers 418
    When the workflow is executed
    Then the workflow should fault with error type 'communication' and status 418

  Scenario: A catch's exceptWhen leaves an error to the outer catch
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catch, version: 1.0.0}
      do:
        - outer:
            try:
              - inner:
                  try:
                    - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
                  catch:
                    as: problem
                    exceptWhen: ${ $problem.status == 500 }
                    do:
                      - here: {set: {by: inner}}
            catch:
              do:
                - there: {set: {by: outer}}
      """
    And GET https://shop.example.com/a answers 500
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      by: outer
      """

  Scenario: catch.then leads on, past the tasks between
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catch, version: 1.0.0}
      do:
        - attempt:
            try:
              - complain: {raise: {error: {type: 'https://example.com/e', status: 500}}}
            catch:
              do:
                - note: {set: {noted: true}}
              then: after
        - between: {set: {between: true}}
        - after: {set: '${ . + {after: true} }'}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      noted: true
      after: true
      """
    And between should run 0 times

  Scenario: catch.then end completes the workflow
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catch, version: 1.0.0}
      do:
        - before: {set: {before: true}}
        - attempt:
            try:
              - complain: {raise: {error: {type: 'https://example.com/e', status: 500}}}
            catch: {then: end}
        - after: {set: {after: true}}
      """
    When the workflow is executed
    Then the workflow should complete
    And complain should run last

  Scenario: An error in a handler is not caught by its own catch
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catch, version: 1.0.0}
      do:
        - attempt:
            try:
              - first: {raise: {error: {type: 'https://example.com/first', status: 500}}}
            catch:
              do:
                - second: {raise: {error: {type: 'https://example.com/second', status: 501}}}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/second
      instance: /do/0/attempt/catch/do/0/second
      """

  Scenario: Without do and then the error goes on
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catch, version: 1.0.0}
      do:
        - attempt:
            try:
              - first: {raise: {error: {type: 'https://example.com/first', status: 500}}}
            catch: {errors: {with: {status: 500}}}
        - after: {set: {after: true}}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/first
      """
    And after should run 0 times

  Scenario: A try that succeeds gives its list's output and leaves the handler out
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catch, version: 1.0.0}
      do:
        - attempt:
            try:
              - one: {set: {n: 1}}
              - two: {set: {n: '${ .n + 1 }'}}
            catch:
              do:
                - never: {set: {n: 0}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 2
      """
    And never should run 0 times

  Scenario: The handler sees the try's input, and the error by its name alone
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catch, version: 1.0.0}
      do:
        - attempt:
            try:
              - change: {set: {other: 1}}
              - complain: {raise: {error: {type: 'https://example.com/e', status: 500, title: '${ "n is \($workflow.input.n)" }'}}}
            catch:
              as: oops
              do:
                - caught: {set: {input: '${ . }', title: '${ $oops.title }'}}
      """
    And the workflow input is:
      """yaml
      n: 5
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      input: {n: 5}
      title: n is 5
      """
