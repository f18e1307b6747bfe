Feature: Functions and extensions
  Tasks that are written once and called by name, and tasks around tasks.

  Scenario: A function is called with arguments, which are its input
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: functions, version: 1.0.0}
      use:
        functions:
          greet: {set: {greeting: '${ "Hello, \(.name)" }'}}
      do:
        - one: {call: greet, with: {name: '${ .who }'}}
      """
    And the workflow input is:
      """yaml
      who: Ada
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      greeting: Hello, Ada
      """

  Scenario: A function that calls over HTTP
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: functions, version: 1.0.0}
      use:
        functions:
          getItem: {call: http, with: {method: get, endpoint: 'https://shop.example.com/items/{id}'}}
      do:
        - one: {call: getItem, with: {id: 7}}
        - two: {call: getItem, with: {id: 8}, output: {as: '${ {both: [$task.input.n, .n]} }'}}
      """
    And GET https://shop.example.com/items/7 answers:
      """yaml
      json: {n: 70}
      """
    And GET https://shop.example.com/items/8 answers:
      """yaml
      json: {n: 80}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      both: [70, 80]
      """

  Scenario: An error in a function is caught by who calls it
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: functions, version: 1.0.0}
      use:
        functions:
          complain: {raise: {error: {type: 'https://example.com/e', status: 507}}}
      do:
        - attempt:
            try:
              - one: {call: complain}
            catch:
              errors: {with: {status: 507}}
              do:
                - caught: {set: {caught: true}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      caught: true
      """

  Scenario: A function that nobody has written is told when the file is read
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: functions, version: 1.0.0}
      use:
        functions:
          greet: {set: {n: 1}}
      do:
        - one: {call: greett}
      """
    When the workflow is executed
    Then the workflow should be refused with 'greet'

  Scenario: An extension runs before and after each task of its kind
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: extended, version: 1.0.0}
      use:
        extensions:
          - log:
              extend: call
              before:
                - toldBefore: {call: http, with: {method: post, endpoint: 'https://log.example.com/begin', body: {task: '${ $task.name }'}}}
              after:
                - toldAfter: {call: http, with: {method: post, endpoint: 'https://log.example.com/end', body: {task: '${ $task.name }'}}}
      do:
        - plain: {set: {n: 1}}
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
      """
    And POST https://log.example.com/begin answers 200
    And POST https://log.example.com/end answers 200
    And GET https://shop.example.com/a answers 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - url: https://log.example.com/begin
      - url: https://shop.example.com/a
      - url: https://log.example.com/end
      """

  Scenario: An extension leaves alone what its when does not name
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: extended, version: 1.0.0}
      use:
        extensions:
          - log:
              extend: set
              when: $task.name == "second"
              before:
                - note: {call: http, with: {method: get, endpoint: 'https://log.example.com/note'}}
      do:
        - first: {set: {n: 1}}
        - second: {set: {n: 2}}
        - third: {set: {n: 3}}
      """
    And GET https://log.example.com/note answers 200
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 3
      """
    And 1 requests should have been sent
    And note should run after first

  Scenario: exit in an extension's before puts its output in the task's place
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: extended, version: 1.0.0}
      use:
        extensions:
          - mock:
              extend: call
              before:
                - pretend: {set: {mocked: true}, then: exit}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
        - after: {set: '${ . + {after: true} }'}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      {mocked: true, after: true}
      """
    And 0 requests should have been sent

  Scenario: An extension of all tasks
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: extended, version: 1.0.0}
      use:
        extensions:
          - count:
              extend: all
              after:
                - note: {emit: {event: {with: {type: task.done, source: /own}}}}
      do:
        - one: {set: {n: 1}}
        - two: {wait: PT1S}
      """
    And the events are watched
    When the workflow is executed
    Then the workflow should complete
    And note should run 2 times
