// Reads the parts of an OpenAPI document. Used by read_openapi() alone, on one thread; what it
// reads is bounded by a budget, so that no document can ask for more than its size is worth.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "steps/openapi_document.h"

namespace stepwell::steps {

// configuration/`openapi-invalid`
Problem openapi_invalid(std::string what);

class OpenApiReader {
 public:
  explicit OpenApiReader(const Value& root) : root_(root) {}
  Result<std::shared_ptr<const OpenApiDocument>> read();

 private:
  // The value itself, or what its `$ref` refers to within the document (RFC 6901).
  Result<const Value*> resolve(const Value& value);
  Status spend(std::size_t units);

  Status read_version();
  Status read_paths(OpenApiDocument& document);
  Status read_path(const std::string& path, const Value& item, OpenApiDocument& document);
  Result<OpenApiOperation> read_operation(const std::string& path, const Value& item,
                                          const Value& operation);
  Result<std::string> read_server(const Value& item, const Value& operation) const;
  Result<std::string> read_host(const Value& operation) const;
  void read_security(const Value& operation, OpenApiOperation& result) const;
  void read_schemes(OpenApiDocument& document);

  // openapi_reader_parts.cpp: parameters and bodies
  Status read_parameters(const Value& item, const Value& operation, OpenApiOperation& result);
  Result<OpenApiParameter> read_parameter(const Value& parameter);
  Status read_schema_default(const Value& schema, OpenApiParameter& result);
  Status read_request_body(const Value& body, OpenApiOperation& result);
  Status read_swagger_body(const Value& parameter, const Value& operation,
                           OpenApiOperation& result);
  Status read_form_fields(const std::vector<const Value*>& fields, const Value& operation,
                          OpenApiOperation& result);
  Status read_object(const Value& schema, int depth, OpenApiBody& body);
  void read_encodings(const Value& encodings, OpenApiBody& body) const;
  std::vector<std::string> swagger_types(const Value& operation, std::string_view key) const;
  Status read_accept(const Value& operation, OpenApiOperation& result);

  const Value& root_;
  bool swagger_ = false;  // 2.0
  std::size_t spent_ = 0;
};

// The most useful one of content types: JSON, then forms, then text, else the first.
std::string preferred_type(const std::vector<std::string>& types);

}  // namespace stepwell::steps
