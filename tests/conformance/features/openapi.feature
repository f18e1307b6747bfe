Feature: Calls by an OpenAPI description
  Where the parameters go, which server is called, what comes back.

  Background:
    Given GET https://api.example.com/openapi.json answers:
      """yaml
      json:
        openapi: 3.0.3
        info: {title: shop, version: '1'}
        servers: [{url: 'https://shop.example.com/v1'}]
        paths:
          /orders/{id}:
            get:
              operationId: getOrder
              parameters:
                - {name: id, in: path, required: true, schema: {type: integer}}
                - {name: fields, in: query, schema: {type: array, items: {type: string}}}
                - {name: X-Trace, in: header, schema: {type: string}}
              responses: {'200': {description: ok}}
          /orders:
            post:
              operationId: createOrder
              requestBody:
                required: true
                content: {application/json: {schema: {type: object}}}
              responses: {'201': {description: ok}}
      """

  Scenario: Parameters go into path, query and header
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: openapi, version: 1.0.0}
      do:
        - ask:
            call: openapi
            with:
              document: {endpoint: 'https://api.example.com/openapi.json'}
              operationId: getOrder
              parameters: {id: '${ .id }', fields: [a, b], X-Trace: t1}
      """
    And the workflow input is:
      """yaml
      id: 7
      """
    And GET https://shop.example.com/v1/orders/7 answers:
      """yaml
      json: {id: 7}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      id: 7
      """
    And the requests that were sent should be:
      """yaml
      - {method: GET, url: 'https://api.example.com/openapi.json'}
      - {method: GET, url: 'https://shop.example.com/v1/orders/7?fields=a&fields=b', headers: {x-trace: t1}}
      """

  Scenario: The description is fetched once
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: openapi, version: 1.0.0}
      do:
        - loop:
            for: {in: '[1, 2, 3]'}
            do:
              - ask:
                  call: openapi
                  with:
                    document: {endpoint: 'https://api.example.com/openapi.json'}
                    operationId: getOrder
                    parameters: {id: '${ $item }'}
      """
    And GET https://shop.example.com/v1/orders/1 answers 200
    And GET https://shop.example.com/v1/orders/2 answers 200
    And GET https://shop.example.com/v1/orders/3 answers 200
    When the workflow is executed
    Then the workflow should complete
    And 4 requests should have been sent

  Scenario: A body is sent by the content type that the description names
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: openapi, version: 1.0.0}
      do:
        - order:
            call: openapi
            with:
              document: {endpoint: 'https://api.example.com/openapi.json'}
              operationId: createOrder
              parameters: {body: {n: 1}}
              output: response
            output: {as: .statusCode}
      """
    And POST https://shop.example.com/v1/orders answers 201
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      201
      """
    And the requests that were sent should be:
      """yaml
      - {method: GET}
      - {method: POST, headers: {content-type: <contains application/json>}}
      """

  Scenario: An operation that the description does not have
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: openapi, version: 1.0.0}
      do:
        - ask: {call: openapi, with: {document: {endpoint: 'https://api.example.com/openapi.json'}, operationId: nothing}}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/configuration
      instance: /do/0/ask
      """
    And 1 requests should have been sent

  Scenario: A parameter that is required and missing
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: openapi, version: 1.0.0}
      do:
        - ask: {call: openapi, with: {document: {endpoint: 'https://api.example.com/openapi.json'}, operationId: getOrder}}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      status: 400
      instance: /do/0/ask
      """
    And 1 requests should have been sent

  Scenario: A description that cannot be had
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: openapi, version: 1.0.0}
      do:
        - ask: {call: openapi, with: {document: {endpoint: 'https://api.example.com/gone.json'}, operationId: getOrder}}
      """
    And GET https://api.example.com/gone.json answers 503
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/communication
      instance: /do/0/ask
      """

  Scenario: A stored credential goes to the operation and not to the description
    Given a credential 'crm' of kind 'bearer' with:
      """yaml
      {origins: ['https://shop.example.com'], secret: s3cret-value}
      """
    And a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: openapi, version: 1.0.0}
      do:
        - ask:
            call: openapi
            with:
              document: {endpoint: 'https://api.example.com/openapi.json'}
              operationId: getOrder
              parameters: {id: 7}
              authentication: {use: crm}
      """
    And GET https://shop.example.com/v1/orders/7 answers 200
    When the workflow is executed
    Then the workflow should complete
    And the requests that were sent should be:
      """yaml
      - {url: 'https://api.example.com/openapi.json', headers: {authorization: <absent>}}
      - {url: 'https://shop.example.com/v1/orders/7', headers: {authorization: Bearer s3cret-value}}
      """
    And 's3cret-value' should be seen nowhere

  Scenario: Its time limit holds while the description is fetched
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: openapi, version: 1.0.0}
      do:
        - ask:
            call: openapi
            with: {document: {endpoint: 'https://api.example.com/slow.json'}, operationId: getOrder}
            timeout: {after: PT3S}
      """
    And GET https://api.example.com/slow.json answers:
      """yaml
      never: true
      """
    When the workflow is executed
    Then the workflow should fault with error type 'timeout' and status 408
    And it should have taken PT3S
