Feature: Processes
  run: shell and script, where the settings have switched them on.

  Scenario: A command's standard output
    Given the setting run.shell is true
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: process, version: 1.0.0}
      do:
        - say: {run: {shell: {command: 'echo "hello, $1"', arguments: ['${ .name }']}}}
      """
    And the workflow input is:
      """yaml
      name: Ada
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      "hello, Ada\n"
      """

  Scenario Outline: return <return>
    Given the setting run.shell is true
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: process, version: 1.0.0}
      do:
        - say: {run: {shell: {command: 'printf out; printf err >&2; exit <code>'}, return: <return>}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      <output>
      """

    Examples:
      | return | code | output |
      | stdout | 0 | out |
      | stderr | 0 | err |
      | code | 3 | 3 |
      | all | 3 | {code: 3, stdout: out, stderr: err} |
      | none | 0 | null |

  Scenario: Variables come from the definition alone
    Given the setting run.shell is true
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: process, version: 1.0.0}
      do:
        - say: {run: {shell: {command: 'printf "%s" "$GREETING-$USER"', environment: {GREETING: '${ .text }'}}}}
      """
    And the workflow input is:
      """yaml
      text: hi; exit 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      hi; exit 1-
      """

  Scenario: A script in Python
    Given the setting run.script is true
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: process, version: 1.0.0}
      do:
        - add: {run: {script: {language: python, code: 'print(6 * 7, end="")'}}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      '42'
      """

  Scenario: Its time limit ends a process that goes on
    Given the setting run.shell is true
    And the task endless does not end by itself
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: process, version: 1.0.0}
      do:
        - endless: {run: {shell: {command: exec sleep 1000}}, timeout: {after: PT2S}}
      """
    When the workflow is executed
    Then the workflow should fault with error type 'timeout' and status 408
    And it should have taken PT2S

  Scenario Outline: <kind> is off where nobody switched it on
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: process, version: 1.0.0}
      do:
        - say: {run: <run>}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/configuration
      reason: step-unavailable
      instance: /do/0/say
      """

    Examples:
      | kind | run |
      | shell | {shell: {command: echo}} |
      | script | {script: {language: python, code: 'pass'}} |
      | container | {container: {image: busybox}} |
