Feature: Listen
  Waiting for events: which of them count, how many, what becomes of them.

  Scenario: One event that meets the filter is enough
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - door: {listen: {to: {one: {with: {type: door.opened}}}}}
      """
    When the workflow is started
    And an event of type 'door.closed' arrives with data {by: Ada}
    Then the workflow should still be running
    When an event of type 'door.opened' arrives with data {by: Bob}
    Then the workflow should complete with output:
      """yaml
      - by: Bob
      """

  Scenario: An event that came before nobody listened is gone
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - pause: {wait: PT1S}
        - door: {listen: {to: {one: {with: {type: door.opened}}}}}
      """
    When the workflow is started
    And an event of type 'door.opened' arrives with data 1
    And the clock moves PT1S
    Then the workflow should still be running
    When an event of type 'door.opened' arrives with data 2
    Then the workflow should complete with output:
      """yaml
      - 2
      """

  Scenario: All needs one event for each filter, in any order
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - both: {listen: {to: {all: [{with: {type: first}}, {with: {type: second}}]}}}
      """
    When the workflow is started
    And an event of type 'second' arrives with data b
    And an event of type 'second' arrives with data c
    Then the workflow should still be running
    When an event of type 'first' arrives with data a
    Then the workflow should complete with output:
      """yaml
      - b
      - a
      """

  Scenario: Any takes the first event that meets one of several filters
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - some: {listen: {to: {any: [{with: {type: first}}, {with: {type: second}}]}}}
      """
    When the workflow is started
    And an event of type 'second' arrives with data {n: 2}
    Then the workflow should complete with output:
      """yaml
      - n: 2
      """

  Scenario: An empty any is any event
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - some: {listen: {to: {any: []}}}
      """
    When the workflow is started
    And an event of type 'whatever' arrives with data here
    Then the workflow should complete with output:
      """yaml
      - here
      """

  Scenario: Until an expression holds, events are gathered
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - gather: {listen: {to: {any: [{with: {type: n}}], until: '(map(.) | add) >= 10'}}}
      """
    When the workflow is started
    And an event of type 'n' arrives with data 4
    And an event of type 'n' arrives with data 5
    Then the workflow should still be running
    When an event of type 'n' arrives with data 6
    Then the workflow should complete with output:
      """yaml
      [4, 5, 6]
      """

  Scenario: Until another event comes, which is no part of the output
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - gather:
            listen:
              to:
                any: [{with: {type: n}}]
                until: {one: {with: {type: enough}}}
      """
    When the workflow is started
    And an event of type 'n' arrives with data 1
    And an event of type 'n' arrives with data 2
    And an event of type 'enough' arrives with data 3
    Then the workflow should complete with output:
      """yaml
      [1, 2]
      """

  Scenario: Filters look at attributes and data
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - hot:
            listen:
              to:
                one:
                  with: {type: 'vitals\..*', source: /ward, data: '${ .value > 38 }'}
      """
    When the workflow is started
    And the event arrives:
      """yaml
      {type: vitals.temperature, source: /ward, data: {value: 37}}
      """
    And the event arrives:
      """yaml
      {type: vitals.temperature, source: /other, data: {value: 40}}
      """
    And the event arrives:
      """yaml
      {type: xvitals.temperature, source: /ward, data: {value: 40}}
      """
    Then the workflow should still be running
    When the event arrives:
      """yaml
      {type: vitals.temperature, source: /ward, data: {value: 39}}
      """
    Then the workflow should complete with output:
      """yaml
      - value: 39
      """

  Scenario: Correlation to what the input says
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - mine:
            listen:
              to:
                one:
                  with: {type: order.paid}
                  correlate: {order: {from: .data.id, expect: '${ .id }'}}
      """
    And the workflow input is:
      """yaml
      id: 7
      """
    When the workflow is started
    And an event of type 'order.paid' arrives with data {id: 8}
    Then the workflow should still be running
    When an event of type 'order.paid' arrives with data {id: 7}
    Then the workflow should complete

  Scenario: Correlation to what the first event had
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - pair:
            listen:
              to:
                all:
                  - {with: {type: left}, correlate: {room: {from: .data.room}}}
                  - {with: {type: right}, correlate: {room: {from: .data.room}}}
      """
    When the workflow is started
    And an event of type 'left' arrives with data {room: 1}
    And an event of type 'right' arrives with data {room: 2}
    Then the workflow should still be running
    When an event of type 'right' arrives with data {room: 1, by: Eve}
    Then the workflow should complete with output:
      """yaml
      - room: 1
      - {room: 1, by: Eve}
      """

  Scenario: The whole event is read as an envelope
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - door: {listen: {to: {one: {with: {type: door}}}, read: envelope}}
      """
    When the workflow is started
    And the event arrives:
      """yaml
      {type: door, id: e1, source: /house, subject: front, data: 1}
      """
    Then the workflow should complete with output:
      """yaml
      - {type: door, id: e1, source: /house, subject: front, data: 1, specversion: '1.0'}
      """

  Scenario Outline: <data> read raw is base64 of its text
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - door: {listen: {to: {one: {with: {type: door}}}, read: raw}}
      """
    When the workflow is started
    And an event of type 'door' arrives with data <data>
    Then the workflow should complete with output:
      """yaml
      - <raw>
      """

    Examples:
      | data    | raw          |
      | hello   | aGVsbG8=     |
      | {a: 1}  | eyJhIjoxfQ== |

  Scenario: foreach runs its tasks for each event, one after the other
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - watch:
            listen: {to: {any: [{with: {type: n}}], until: length >= 3}}
            foreach:
              item: number
              at: position
              do:
                - pause: {wait: PT1S}
                - twice: {set: {value: '${ $number * 2 }', at: '${ $position }'}}
      """
    When the workflow is started
    And an event of type 'n' arrives with data 5
    And an event of type 'n' arrives with data 6
    And the clock moves PT2S
    And an event of type 'n' arrives with data 7
    Then the workflow should still be running
    When the clock moves PT1S
    Then twice should run 3 times
    And the workflow should complete with output:
      """yaml
      - {value: 10, at: 0}
      - {value: 12, at: 1}
      - {value: 14, at: 2}
      """

  Scenario: foreach changes the context and what is left in the output
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - watch:
            listen: {to: {any: [{with: {type: n}}], until: length >= 2}}
            foreach:
              do:
                - take: {set: {n: '${ $item }'}}
              output: {as: .n}
              export: {as: '${ {sum: (($context.sum // 0) + .)} }'}
        - report: {set: {list: '${ . }', sum: '${ $context.sum }'}}
      """
    When the workflow is started
    And an event of type 'n' arrives with data 5
    And an event of type 'n' arrives with data 6
    Then the workflow should complete with output:
      """yaml
      list: [5, 6]
      sum: 11
      """

  Scenario: A listener that is stopped leaves its events alone
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: listen, version: 1.0.0}
      do:
        - race:
            fork:
              compete: true
              branches:
                - door: {listen: {to: {one: {with: {type: door}}}}}
                - late: {wait: PT5S}
        - again: {listen: {to: {one: {with: {type: door}}}}}
      """
    When the workflow is started
    And the clock moves PT5S
    And an event of type 'door' arrives with data 1
    Then the workflow should complete with output:
      """yaml
      - 1
      """
    And door should have been cancelled
