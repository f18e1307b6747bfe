Feature: What lies elsewhere
  Functions of catalogs and schemas that are fetched when a definition is read.

  Scenario: A function of a catalog that the definition names
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catalogs, version: 1.0.0}
      use:
        catalogs:
          shared: {endpoint: 'https://catalog.example.com'}
      do:
        - one: {call: 'greet:1.2.0@shared', with: {name: Ada}}
        - two: {call: 'greet:1.2.0@shared', with: {name: '${ .greeting }'}}
      """
    And GET https://catalog.example.com/functions/greet/1.2.0/function.yaml answers:
      """yaml
      text: 'set: {greeting: "${ \"Hello, \\(.name)\" }"}'
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      greeting: Hello, Hello, Ada
      """

  Scenario: A function of the catalog that the settings name
    Given the setting catalog is 'https://catalog.example.com'
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catalogs, version: 1.0.0}
      do:
        - one: {call: 'answer:1.0.0@default'}
      """
    And GET https://catalog.example.com/functions/answer/1.0.0/function.yaml answers:
      """yaml
      text: 'set: {answer: 42}'
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      answer: 42
      """

  Scenario: A function of a catalog calls by HTTP, and its errors are its caller's
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catalogs, version: 1.0.0}
      use:
        catalogs:
          shared: {endpoint: 'https://catalog.example.com'}
      do:
        - attempt:
            try:
              - one: {call: 'ask:1.0.0@shared'}
            catch:
              errors: {with: {status: 418}}
              do:
                - caught: {set: {caught: '${ $error.status }'}}
      """
    And GET https://catalog.example.com/functions/ask/1.0.0/function.yaml answers:
      """yaml
      text: '{call: http, with: {method: get, endpoint: "https://shop.example.com/tea"}}'
      """
    And GET https://shop.example.com/tea answers 418
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      caught: 418
      """

  Scenario: A function that its catalog does not have
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catalogs, version: 1.0.0}
      use:
        catalogs:
          shared: {endpoint: 'https://catalog.example.com'}
      do:
        - one: {call: 'nothing:1.0.0@shared'}
      """
    When the workflow is executed
    Then the workflow should be refused with '404'

  Scenario: A catalog that nobody has named
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catalogs, version: 1.0.0}
      do:
        - one: {call: 'greet:1.0.0@elsewhere'}
      """
    When the workflow is executed
    Then the workflow should be refused with 'elsewhere'
    And 0 requests should have been sent

  Scenario: A fault in a function of a catalog is told with its own place
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catalogs, version: 1.0.0}
      use:
        catalogs:
          shared: {endpoint: 'https://catalog.example.com'}
      do:
        - one: {call: 'broken:1.0.0@shared'}
      """
    And GET https://catalog.example.com/functions/broken/1.0.0/function.yaml answers:
      """yaml
      text: 'sett: {n: 1}'
      """
    When the workflow is executed
    Then the workflow should be refused with 'functions/broken/1.0.0/function.yaml:1:1'

  Scenario Outline: A schema that lies elsewhere <verdict> the input
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: catalogs, version: 1.0.0}
      do:
        - one:
            input: {schema: {resource: {endpoint: 'https://schemas.example.com/n.json'}}}
            set: {n: '${ .n }'}
      """
    And the workflow input is:
      """yaml
      n: <n>
      """
    And GET https://schemas.example.com/n.json answers:
      """yaml
      json: {type: object, properties: {n: {type: integer}}}
      """
    When the workflow is executed
    Then <then>

    Examples:
      | verdict | n | then |
      | takes | 5 | the workflow should complete |
      | refuses | five | the workflow should fault with error type 'validation' and status 400 |
