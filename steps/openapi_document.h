// What an OpenAPI 3.0 or 3.1 or a Swagger 2.0 document says of its operations, as far as a call
// needs it. Made of the document's text by read_openapi(), immutable, read by any thread. Pure:
// nothing is fetched, so that a `$ref` into another document is an error of the operations that
// need it, and of no other.
// Sources: OpenAPI Specification 3.0.4 and 3.1.1, OpenAPI (Swagger) Specification 2.0.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace stepwell::steps {

enum class ParameterPlace : std::uint8_t { path, query, header, cookie, form };
std::string_view to_string(ParameterPlace place) noexcept;

// tab_delimited is Swagger's `tsv`.
enum class ParameterStyle : std::uint8_t {
  simple,
  label,
  matrix,
  form,
  space_delimited,
  pipe_delimited,
  tab_delimited,
  deep_object
};

struct OpenApiParameter {
  std::string name;
  ParameterPlace in = ParameterPlace::query;
  ParameterStyle style = ParameterStyle::form;
  bool explode = false;
  bool reserved = false;  // allowReserved
  bool required = false;
  bool json = false;    // `content` with a JSON type: the value is sent as JSON text
  Value default_value;  // null: none
};

// A member of a body that is an object, or a field of a form.
struct OpenApiProperty {
  bool required = false;
  bool file = false;  // binary: a part with a file's name
  // How a form writes it, where the document says so.
  std::optional<ParameterStyle> style;
  bool explode = true;
};

struct OpenApiBody {
  std::string name = "body";  // of Swagger's parameter
  bool required = false;
  std::string type;        // the content type that is sent
  bool is_object = false;  // its members can stand among the call's parameters
  std::map<std::string, OpenApiProperty, std::less<>> properties;

  const OpenApiProperty* find(std::string_view property) const;
};

struct SecurityScheme {
  enum class Kind : std::uint8_t { api_key, basic, bearer, digest, oauth2, mutual_tls, other };
  Kind kind = Kind::other;
  std::string text;  // as messages call it: "http basic", "apiKey in query"
  ParameterPlace in = ParameterPlace::header;  // of an API key …
  std::string parameter;                       // … and the header's, query's or cookie's name
};

struct OpenApiOperation {
  std::string id;
  std::string method;  // in upper case
  std::string path;    // a template
  std::string server;  // may be relative to the document's URL; its variables are filled in
  std::vector<OpenApiParameter> parameters;
  std::optional<OpenApiBody> body;
  std::string accept;  // what is asked for; empty: anything
  // Any one of these does, with all of its schemes by name; none: nothing is asked for.
  std::vector<std::vector<std::string>> security;
};

class OpenApiDocument {
 public:
  // Errors: configuration/`operation-unknown`, with names that are close; `openapi-invalid` where
  // the operation cannot be used.
  Result<const OpenApiOperation*> find(std::string_view operation) const;
  const SecurityScheme* scheme(std::string_view name) const;

 private:
  friend class OpenApiReader;
  std::map<std::string, Result<OpenApiOperation>, std::less<>> operations_;
  std::map<std::string, SecurityScheme, std::less<>> schemes_;
};

// `text` is JSON or YAML. Errors: configuration/`openapi-invalid`.
Result<std::shared_ptr<const OpenApiDocument>> read_openapi(std::string_view text);

}  // namespace stepwell::steps
