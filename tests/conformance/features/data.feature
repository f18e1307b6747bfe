Feature: Data flow
  Input, output, export, schemas, the variables at each place, strict and loose expressions.

  Scenario: The parts of a task are taken in their order
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: data, version: 1.0.0}
      input: {from: '{n: .n, stage: ["workflow input"]}'}
      do:
        - one:
            input: {from: '{n: (.n + 1), stage: (.stage + ["task input"])}'}
            set: '${ {n: (.n * 10), stage: (.stage + ["body"])} }'
            output: {as: '{n: (.n + 1), stage: (.stage + ["task output"])}'}
            export: {as: '${ {last: .stage[-1]} }'}
      output: {as: '{n, stage: (.stage + ["workflow output"]), context: $context}'}
      """
    And the workflow input is:
      """yaml
      {n: 1, other: 2}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 21
      stage: [workflow input, task input, body, task output, workflow output]
      context: {last: task output}
      """

  Scenario: export replaces the context as a whole
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: data, version: 1.0.0}
      do:
        - one: {set: {a: 1}, export: {as: .}}
        - two: {set: {b: 2}, export: {as: .}}
        - three: {set: {c: 3}, export: {as: '${ $context + . }'}}
        - report: {set: '${ $context }'}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      {b: 2, c: 3}
      """

  Scenario: An instance without input has an empty object
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: data, version: 1.0.0}
      do:
        - report: {set: {input: '${ . }', missing: '${ .nothing }'}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      input: {}
      missing: null
      """

  Scenario: The workflow's input is seen unchanged
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: data, version: 1.0.0}
      input: {from: '{changed: true}'}
      do:
        - report: {set: {raw: '${ $workflow.input }', now: '${ $input }'}}
      """
    And the workflow input is:
      """yaml
      a: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      raw: {a: 1}
      now: {changed: true}
      """

  Scenario Outline: <expression> is a field of what an expression sees
    Given the time is 2026-02-03T04:05:06.250Z
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: fields, version: 3.2.1, title: T}
      do:
        - outer:
            do:
              - report: {set: {x: '${ <expression> }'}}
      """
    And the workflow input is:
      """yaml
      a: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      x: <value>
      """

    Examples:
      | expression | value |
      | $workflow.id == ($workflow.id \| tonumber \| tostring) | true |
      | $workflow.definition.document.version | 3.2.1 |
      | $workflow.definition.do[0] \| keys | [outer] |
      | $workflow.input | {a: 1} |
      | $workflow.startedAt.iso8601 | '2026-02-03T04:05:06.250Z' |
      | $workflow.startedAt.epoch | {seconds: 1770091506, milliseconds: 1770091506250} |
      | $task.name | report |
      | $task.reference | /do/0/outer/do/0/report |
      | $task.definition.set.x \| startswith("$") | true |
      | $task.input | {a: 1} |
      | $task.startedAt.epoch.seconds | 1770091506 |
      | $runtime.name | stepwell |
      | $runtime.version \| type | string |
      | $runtime \| has("metadata") | true |

  Scenario: A task's raw and transformed values are in $task at each place
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: data, version: 1.0.0}
      do:
        - one:
            input: {from: '{raw: $task.input, name: $task.name}'}
            set: {from: '${ . }', input: '${ $input }'}
            output: {as: '{body: ., out: $task.output.from.name, input: $input.name}'}
            export: {as: '${ {output: $output.out, task: $task.output.out, input: $input.name} }'}
        - two: {set: '${ {one: .out, context: $context} }'}
      """
    And the workflow input is:
      """yaml
      a: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      one: one
      context: {output: one, task: one, input: one}
      """

  Scenario Outline: <variable> is not there at <place>, which is told when the file is read
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: data, version: 1.0.0}
      <before>
      do:
        - one: {<task>set: {a: 1}}
      <after>
      """
    When the workflow is executed
    Then the workflow should be refused with '<variable>'

    Examples:
      | variable | place | before | task | after |
      | $context | the workflow's input.from | input: {from: $context} |  |  |
      | $input | the workflow's input.from | input: {from: $input} |  |  |
      | $task | the workflow's input.from | input: {from: $task} |  |  |
      | $authorization | the workflow's input.from | input: {from: $authorization} |  |  |
      | $input | a task's if |  | if: $input.a, |  |
      | $output | a task's if |  | if: $output.a, |  |
      | $input | a task's input.from |  | input: {from: $input}, |  |
      | $authorization | a task's input.from |  | input: {from: $authorization}, |  |
      | $output | a task's output.as |  | output: {as: $output}, |  |
      | $input | the workflow's output.as |  |  | output: {as: $input} |
      | $task | the workflow's output.as |  |  | output: {as: $task} |
      | $output | the workflow's output.as |  |  | output: {as: $output} |

  Scenario: Text of the input is data and never evaluated
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: data, version: 1.0.0}
      evaluate: {mode: loose}
      do:
        - copy: {set: '${ . }'}
        - again: {set: {x: '${ .text }'}}
      """
    And the workflow input is:
      """yaml
      text: ${ 1 + 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      x: ${ 1 + 1 }
      """

  Scenario Outline: In <mode> mode <text> gives <value>
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: data, version: 1.0.0}
      evaluate: {language: jq, mode: <mode>}
      do:
        - report: {set: {x: <text>}}
      """
    And the workflow input is:
      """yaml
      n: 4
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      x: <value>
      """

    Examples:
      | mode | text | value |
      | strict | .n | .n |
      | strict | '${ .n }' | 4 |
      | strict | 'n ${ .n }' | 'n ${ .n }' |
      | loose | .n | 4 |
      | loose | .n + 1 | 5 |
      | loose | '${ .n }' | 4 |
      | loose | no expression at all | no expression at all |
      | loose | '.n \| error' | '.n \| error' |

  Scenario Outline: A <kind> schema that <what> the value
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: schema, version: 1.0.0}
      do:
        - checked:
            set: {n: '${ .n }'}
            <kind>:
              schema: {document: {type: object, required: [n], properties: {n: {type: integer, minimum: <minimum>}}}}
              <rest>
        - after: {set: {after: true}}
      """
    And the workflow input is:
      """yaml
      n: 5
      """
    When the workflow is executed
    Then <verdict>
    And after should run <times> times

    Examples:
      | kind | what | minimum | rest | verdict | times |
      | input | takes | 5 |  | the workflow should complete | 1 |
      | input | refuses | 6 |  | the workflow should fault with error type 'validation' and status 400 | 0 |
      | output | takes | 5 |  | the workflow should complete | 1 |
      | output | refuses | 6 |  | the workflow should fault with error type 'validation' and status 400 | 0 |
      | export | takes | 5 | as: . | the workflow should complete | 1 |
      | export | refuses | 6 | as: . | the workflow should fault with error type 'validation' and status 400 | 0 |

  Scenario: A workflow whose input its schema refuses is not admitted
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: schema, version: 1.0.0}
      input: {schema: {document: {type: object, required: [id]}}}
      do:
        - report: {set: {id: '${ .id }'}}
      """
    When the workflow is executed
    Then the workflow should be refused with 'schema-violation'

  Scenario: A workflow whose output its schema refuses faults
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: schema, version: 1.0.0}
      do:
        - report: {set: {id: text}}
      output: {as: .id, schema: {document: {type: integer}}}
      """
    When the workflow is executed
    Then the workflow should fault with error type 'validation' and status 400

  Scenario: The context stays as it was where an export's schema refuses the new one
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: schema, version: 1.0.0}
      do:
        - one: {set: {n: 1}, export: {as: .}}
        - attempt:
            try:
              - two: {set: {n: text}, export: {as: ., schema: {document: {properties: {n: {type: integer}}}}}}
            catch:
              do:
                - report: {set: {context: '${ $context }', status: '${ $error.status }'}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      context: {n: 1}
      status: 400
      """

  Scenario: An expression that never ends is cut off by its budget
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: data, version: 1.0.0}
      do:
        - attempt:
            try:
              - endless: {set: {x: '${ last(range(1e18)) }'}}
            catch:
              do:
                - report: {set: {reason: '${ $error.reason }'}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      reason: expression-budget
      """

  Scenario: A secret cannot be computed with
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: data, version: 1.0.0}
      use: {secrets: [crm]}
      do:
        - leak: {set: {x: '${ $secrets.crm }'}}
      """
    When the workflow is executed
    Then the workflow should be refused with '$secrets'
