// A shop's API, described in OpenAPI 3 and in Swagger 2.0, for tests.
#pragma once

#include <string>

#include "base/json.h"
#include "steps/openapi_document.h"
#include "steps/openapi_request.h"

namespace stepwell::steps::test {

// The operations of tests, in one YAML document of OpenAPI 3.1.
inline const std::string kShop = R"(
openapi: 3.1.0
info: {title: Shop, version: '1'}
servers:
  - url: https://{region}.shop.example/{base}/
    variables:
      region: {default: eu}
      base: {default: v1}
components:
  parameters:
    Limit: {name: limit, in: query, schema: {$ref: '#/components/schemas/Limit'}}
  schemas:
    Limit: {type: integer, default: 20}
    Base: {type: object, required: [name], properties: {name: {type: string}, id: {type: integer, readOnly: true}}}
    Item:
      allOf:
        - $ref: '#/components/schemas/Base'
        - type: object
          required: [price]
          properties: {price: {type: number}, note: {type: string}}
  requestBodies:
    Item:
      required: true
      content:
        text/csv: {schema: {type: string}}
        application/json: {schema: {$ref: '#/components/schemas/Item'}}
  securitySchemes:
    api_key: {type: apiKey, in: header, name: X-Shop-Key}
    bearerAuth: {type: http, scheme: bearer}
    queryKey: {type: apiKey, in: query, name: key}
    cookieKey: {type: apiKey, in: cookie, name: session}
    login: {type: http, scheme: basic}
paths:
  /items/{item}:
    parameters:
      - {name: item, in: path, required: true, schema: {type: string}}
      - {name: trace, in: header, schema: {type: string}}
    get:
      operationId: getItem
      responses:
        '200': {content: {text/html: {}, application/json: {}}}
    put:
      operationId: replaceItem
      requestBody: {$ref: '#/components/requestBodies/Item'}
      responses: {}
    delete:
      operationId: removeItem
      servers: [{url: ../admin}]
      responses: {}
  /items:
    get:
      operationId: listItems
      parameters:
        - $ref: '#/components/parameters/Limit'
        - {name: tag, in: query, schema: {type: array}}
        - {name: filter, in: query, style: deepObject, explode: true, schema: {type: object}}
        - {name: sort, in: query, required: true, schema: {type: string, default: price}}
        - {name: where, in: query, content: {application/json: {schema: {type: object}}}}
        - {name: raw, in: query, allowReserved: true, schema: {type: string}}
        - {name: session, in: cookie, schema: {type: string}}
        - {name: Accept, in: header, schema: {type: string}}
      responses: {}
    post:
      operationId: addItem
      requestBody: {$ref: '#/components/requestBodies/Item'}
      responses: {}
  /form:
    post:
      operationId: sendForm
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: {type: object, properties: {a: {}, list: {}, meta: {}, deep: {}}}
            encoding: {deep: {style: deepObject, explode: true}}
      responses: {}
  /files:
    post:
      operationId: sendFile
      requestBody:
        content:
          multipart/form-data:
            schema: {type: object, required: [file], properties: {file: {type: string, format: binary}, about: {type: object}}}
      responses: {}
  /text:
    post:
      operationId: sendText
      requestBody: {required: true, content: {text/plain: {schema: {type: string}}}}
      responses: {}
  /broken:
    get:
      operationId: broken
      parameters: [{$ref: '#/components/parameters/Nothing'}]
      responses: {}
  /elsewhere:
    get:
      operationId: elsewhere
      parameters: [{$ref: 'other.yaml#/x'}]
      responses: {}
  /twice:
    get: {operationId: twice, responses: {}}
    post: {operationId: twice, responses: {}}
)";

inline std::shared_ptr<const OpenApiDocument> document(const std::string& text) {
  auto read = read_openapi(text);
  return read ? *read : nullptr;
}

// The request as one line: "GET https://… {headers} body", or "CODE: DETAIL".
inline std::string request_line(const OpenApiDocument& document, const std::string& operation,
                                const std::string& parameters,
                                const std::string& url = "https://docs.example/api/shop.yaml") {
  const auto found = document.find(operation);
  if (!found) return found.error().code + ": " + found.error().detail;
  const auto request = openapi_request(**found, parse_json(parameters).value(), url);
  if (!request) return request.error().code + ": " + request.error().detail;
  std::string line = std::string(request->get("method").as_string()) + " " +
                     std::string(request->get("uri").as_string());
  if (!request->get("headers").empty()) line += " " + to_json(request->get("headers"));
  if (const Value& body = request->get("body"); !body.is_null()) line += " " + to_json(body);
  return line;
}

}  // namespace stepwell::steps::test
