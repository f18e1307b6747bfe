Feature: Emit and lifecycle events
  Events that instances send, and those that tell of their life.

  Scenario: An event that one instance sends reaches a branch that listens
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: emit, version: 1.0.0}
      do:
        - both:
            fork:
              branches:
                - hear: {listen: {to: {one: {with: {type: ping}}}}}
                - say:
                    do:
                      - pause: {wait: PT1S}
                      - send: {emit: {event: {with: {type: ping, source: /me, data: {n: 1}}}}}
                      - quiet: {set: '${ "said" }'}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      - - n: 1
      - said
      """

  Scenario: What the author gives is kept, what CloudEvents require is filled in
    Given the time is 2026-02-03T04:05:06Z
    And the events are watched
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: emit, version: 1.0.0}
      do:
        - send: {emit: {event: {with: {type: order.placed, subject: '${ .who }', channel: web, data: {n: 1}}}}}
      """
    And the workflow input is:
      """yaml
      who: Ada
      """
    When the workflow is executed
    Then the workflow should complete
    And the events that were sent should include:
      """yaml
      - type: order.placed
        specversion: '1.0'
        id: <any>
        source: <contains /own/emit/>
        time: '2026-02-03T04:05:06Z'
        subject: Ada
        channel: web
        data: {n: 1}
      """

  Scenario: An event without a type is the task's error
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: emit, version: 1.0.0}
      do:
        - send: {emit: {event: {with: {type: '${ .none }'}}}}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      instance: /do/0/send
      reason: event-invalid
      """

  Scenario: A workflow tells that it started and completed
    Given the events are watched
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: life, version: 2.1.0}
      do:
        - greet: {set: {hello: '${ .name }'}}
      """
    And the workflow input is:
      """yaml
      name: Ada
      """
    When the workflow is executed
    Then the workflow should complete
    And the events that were sent should include:
      """yaml
      - type: io.serverlessworkflow.workflow.started.v1
        data:
          name: <contains life->
          definition: {namespace: own, name: life, version: 2.1.0}
          startedAt: <any>
      - type: io.serverlessworkflow.task.created.v1
        data: {task: /do/0/greet}
      - type: io.serverlessworkflow.task.started.v1
        data: {task: /do/0/greet}
      - type: io.serverlessworkflow.task.completed.v1
        data: {task: /do/0/greet, output: {hello: Ada}}
      - type: io.serverlessworkflow.workflow.completed.v1
        data: {output: {hello: Ada}, completedAt: <any>}
      """

  Scenario: A workflow that faults tells so, and the task too
    Given the events are watched
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: life, version: 1.0.0}
      do:
        - complain: {raise: {error: {type: 'https://example.com/e', status: 501}}}
      """
    When the workflow is executed
    Then the workflow should fault
    And the events that were sent should include:
      """yaml
      - type: io.serverlessworkflow.task.faulted.v1
        data: {task: /do/0/complain, error: {status: 501}}
      - type: io.serverlessworkflow.workflow.faulted.v1
        data: {error: {type: 'https://example.com/e', instance: /do/0/complain}}
      """

  Scenario: A workflow that is stopped tells that it was cancelled
    Given the events are watched
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: life, version: 1.0.0}
      do:
        - pause: {wait: PT1H}
      """
    When the workflow is started
    And the workflow is stopped
    Then the workflow should have been stopped
    And the events that were sent should include:
      """yaml
      - type: io.serverlessworkflow.task.cancelled.v1
        data: {task: /do/0/pause}
      - type: io.serverlessworkflow.workflow.cancelled.v1
        data: {cancelledAt: <any>}
      - type: io.serverlessworkflow.workflow.status-changed.v1
        data: {status: cancelled}
      """

  Scenario: A task that is repeated tells so
    Given the events are watched
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: life, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/a'}}
            catch: {retry: {delay: PT1S, limit: {attempt: {count: 2}}}}
      """
    And GET https://shop.example.com/a answers 503, 200
    When the workflow is executed
    Then the workflow should complete
    And the events that were sent should include:
      """yaml
      - type: io.serverlessworkflow.task.retried.v1
        data: {task: /do/0/attempt}
      """

  Scenario: A listener gathers and tells of its correlation
    Given the events are watched
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: life, version: 1.0.0}
      do:
        - hear: {listen: {to: {one: {with: {type: n}, correlate: {key: {from: .data.key}}}}}}
      """
    When the workflow is started
    And an event of type 'n' arrives with data {key: k1}
    Then the workflow should complete
    And the events that were sent should include:
      """yaml
      - type: io.serverlessworkflow.workflow.correlation-started.v1
      - type: io.serverlessworkflow.workflow.correlation-completed.v1
        data: {correlationKeys: {key: k1}}
      """

  Scenario: An event that an author sends cannot pass for one of the engine's
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: emit, version: 1.0.0}
      do:
        - send: {emit: {event: {with: {type: io.serverlessworkflow.workflow.completed.v1, source: /own/emit/1}}}}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      instance: /do/0/send
      """
