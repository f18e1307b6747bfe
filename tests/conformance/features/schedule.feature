Feature: Schedules
  Workflows that start by themselves.

  Scenario: every starts one each time that its duration has passed
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: scheduled, version: 1.0.0}
      schedule: {every: PT10S}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is scheduled
    And the clock moves PT35S
    Then requests should have been sent at PT10S, PT20S, PT30S

  Scenario: every does not wait for the one before
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: scheduled, version: 1.0.0}
      schedule: {every: PT10S}
      do:
        - pause: {wait: PT25S}
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is scheduled
    And the clock moves PT46S
    Then requests should have been sent at PT35S, PT45S

  Scenario: after starts at once, and then counts from the end of each
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: scheduled, version: 1.0.0}
      schedule: {after: PT10S}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
        - pause: {wait: PT5S}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is scheduled
    And the clock moves PT31S
    Then requests should have been sent at PT0S, PT15S, PT30S

  Scenario: after goes on where one has faulted
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: scheduled, version: 1.0.0}
      schedule: {after: PT10S}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
      """
    And GET https://shop.example.com/a answers 500
    When the workflow is scheduled
    And the clock moves PT20S
    Then requests should have been sent at PT0S, PT10S, PT20S

  Scenario Outline: cron <line> from <from> on
    Given the time is <from>
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: scheduled, version: 1.0.0, metadata: {stepwell: {timeZone: <zone>}}}
      schedule: {cron: '<line>'}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
      """
    And GET https://shop.example.com/a answers 200
    When the workflow is scheduled
    And the clock moves <by>
    Then requests should have been sent at <times>

    Examples:
      | line | from | zone | by | times |
      | */20 * * * * | 2026-03-01T12:05:00Z | UTC | PT1H | PT15M, PT35M, PT55M |
      | 30 7 * * * | 2026-03-01T07:00:00Z | UTC | PT25H | PT30M, PT1470M |
      | 30 7 * * * | 2026-01-15T06:00:00Z | Europe/Berlin | PT1H | PT30M |
      | 30 7 * * * | 2026-07-15T05:00:00Z | Europe/Berlin | PT1H | PT30M |
      | 0 0 * * mon | 2026-03-01T23:00:00Z | UTC | PT24H | PT60M |
      | 0 12 1 * * | 2026-03-31T12:00:00Z | UTC | PT48H | PT24H |
      | @hourly | 2026-03-01T12:59:00Z | UTC | PT2H | PT1M, PT61M |

  Scenario: on starts one for each event, with its data as the input
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: scheduled, version: 1.0.0}
      schedule: {on: {one: {with: {type: order.placed}}}}
      do:
        - send: {call: http, with: {method: post, endpoint: 'https://shop.example.com/a', body: '${ . }'}}
      """
    And POST https://shop.example.com/a answers 200
    When the workflow is scheduled
    And an event of type 'order.placed' arrives with data {id: 1}
    And an event of type 'other' arrives with data {id: 2}
    And an event of type 'order.placed' arrives with data {id: 3}
    Then the requests that were sent should be:
      """yaml
      - body: [{id: 1}]
      - body: [{id: 3}]
      """

  Scenario: read envelope gives the whole event
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: scheduled, version: 1.0.0}
      schedule: {on: {one: {with: {type: order.placed}}}, read: envelope}
      do:
        - send: {call: http, with: {method: post, endpoint: 'https://shop.example.com/a', body: '${ .[0] }'}}
      """
    And POST https://shop.example.com/a answers 200
    When the workflow is scheduled
    And an event of type 'order.placed' arrives with data {id: 1}
    Then the requests that were sent should be:
      """yaml
      - body: {type: order.placed, specversion: '1.0', data: {id: 1}}
      """

  Scenario: on with all gathers events by their key
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: scheduled, version: 1.0.0}
      schedule:
        on:
          all:
            - {with: {type: order.placed}, correlate: {order: {from: .data.id}}}
            - {with: {type: order.paid}, correlate: {order: {from: .data.order}}}
      do:
        - send: {call: http, with: {method: post, endpoint: 'https://shop.example.com/a', body: '${ . }'}}
      """
    And POST https://shop.example.com/a answers 200
    When the workflow is scheduled
    And an event of type 'order.placed' arrives with data {id: 1}
    And an event of type 'order.placed' arrives with data {id: 2}
    Then 0 requests should have been sent
    When an event of type 'order.paid' arrives with data {order: 2}
    Then the requests that were sent should be:
      """yaml
      - body: [{id: 2}, {order: 2}]
      """

  Scenario: The newest version alone is scheduled
    Given another workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: scheduled, version: 2.0.0}
      do:
        - nothing: {set: {n: 1}}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: scheduled, version: 1.0.0}
      schedule: {every: PT10S}
      do:
        - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
      """
    When the workflow is scheduled
    And the clock moves PT1M
    Then 0 requests should have been sent

  Scenario Outline: A schedule of <what> is refused when the file is read
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: scheduled, version: 1.0.0}
      schedule: <schedule>
      do:
        - nothing: {set: {n: 1}}
      """
    When the workflow is scheduled
    Then the workflow should be refused with 'scenario.yaml:2:'

    Examples:
      | what | schedule |
      | nothing | {} |
      | two kinds | {every: PT1S, cron: '* * * * *'} |
      | a minute that there is not | {cron: '60 * * * *'} |
      | four fields | {cron: '* * * *'} |
      | no time at all | {every: PT0S} |
