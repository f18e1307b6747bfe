Feature: Workflows that run workflows
  run: workflow, awaited or not.

  Scenario: An awaited workflow gives its output
    Given another workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: child, version: 1.0.0}
      do:
        - double: {set: {twice: '${ .n * 2 }'}}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: parent, version: 1.0.0}
      do:
        - ask: {run: {workflow: {namespace: own, name: child, version: 1.0.0, input: {n: '${ .number }'}}}}
        - after: {set: '${ {result: .twice} }'}
      """
    And the workflow input is:
      """yaml
      number: 21
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      result: 42
      """

  Scenario: The newest version runs where latest is asked for
    Given another workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: child, version: 1.9.0}
      do:
        - tell: {set: '${ "1.9.0" }'}
      """
    And another workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: child, version: 1.10.0}
      do:
        - tell: {set: '${ "1.10.0" }'}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: parent, version: 1.0.0}
      do:
        - ask: {run: {workflow: {namespace: own, name: child, version: latest}}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      1.10.0
      """

  Scenario: A parent waits for as long as its child takes
    Given another workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: child, version: 1.0.0}
      do:
        - pause: {wait: PT3M}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: parent, version: 1.0.0}
      do:
        - ask: {run: {workflow: {namespace: own, name: child, version: 1.0.0}}}
      """
    When the workflow is executed
    Then the workflow should complete
    And it should have taken PT3M

  Scenario: A child that is not awaited goes its own way
    Given another workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: child, version: 1.0.0}
      do:
        - pause: {wait: PT3M}
        - fail: {raise: {error: {type: 'https://example.com/e', status: 500}}}
      """
    And the events are watched
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: parent, version: 1.0.0}
      do:
        - ask: {run: {await: false, workflow: {namespace: own, name: child, version: 1.0.0}}}
        - after: {set: '${ {input: .} }'}
      """
    And the workflow input is:
      """yaml
      kept: 1
      """
    When the workflow is started
    Then the workflow should complete with output:
      """yaml
      input: {kept: 1}
      """
    When the clock moves PT3M
    Then the events that were sent should include:
      """yaml
      - type: io.serverlessworkflow.workflow.completed.v1
        data: {name: <contains parent->}
      - type: io.serverlessworkflow.workflow.faulted.v1
        data: {name: <contains child->, error: {type: 'https://example.com/e'}}
      """

  Scenario: A child's error is its parent's, and can be caught
    Given another workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: child, version: 1.0.0}
      do:
        - fail: {raise: {error: {type: 'https://example.com/e', status: 507, title: Full}}}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: parent, version: 1.0.0}
      do:
        - attempt:
            try:
              - ask: {run: {workflow: {namespace: own, name: child, version: 1.0.0}}}
            catch:
              errors: {with: {type: 'https://example.com/e'}}
              do:
                - caught: {set: {status: '${ $error.status }', instance: '${ $error.instance }'}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      status: 507
      instance: /do/0/attempt/try/0/ask
      """

  Scenario: A child's time limit interrupts it with its parent's
    Given another workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: child, version: 1.0.0}
      do:
        - pause: {wait: PT1H}
      """
    And the events are watched
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: parent, version: 1.0.0}
      do:
        - ask: {run: {workflow: {namespace: own, name: child, version: 1.0.0}}, timeout: {after: PT4S}}
      """
    When the workflow is executed
    Then the workflow should fault with error type 'timeout' and status 408
    And it should have taken PT4S
    And the events that were sent should include:
      """yaml
      - type: io.serverlessworkflow.workflow.cancelled.v1
        data: {name: <contains child->}
      """

  Scenario: A child's own schema refuses its input
    Given another workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: child, version: 1.0.0}
      input: {schema: {document: {required: [n]}}}
      do:
        - tell: {set: '${ 1 }'}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: parent, version: 1.0.0}
      do:
        - ask: {run: {workflow: {namespace: own, name: child, version: 1.0.0, input: {m: 1}}}}
      """
    When the workflow is executed
    Then the workflow should fault with error type 'validation' and status 400

  Scenario: A workflow that does not exist
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: parent, version: 1.0.0}
      do:
        - ask: {run: {workflow: {namespace: own, name: nobody, version: 1.0.0}}}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      instance: /do/0/ask
      reason: workflow-unknown
      """

  Scenario: A child that loses a race is stopped
    Given another workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: child, version: 1.0.0}
      do:
        - pause: {wait: PT1H}
      """
    And the events are watched
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: parent, version: 1.0.0}
      do:
        - race:
            fork:
              compete: true
              branches:
                - child: {run: {workflow: {namespace: own, name: child, version: 1.0.0}}}
                - quick: {do: [{rest: {wait: PT1S}}, {q: {set: '${ "quick" }'}}]}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      quick
      """
    And the events that were sent should include:
      """yaml
      - type: io.serverlessworkflow.workflow.cancelled.v1
        data: {name: <contains child->}
      """
