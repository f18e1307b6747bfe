// From the evaluated `body` of a call to the bytes that go over the wire, by the request's
// Content-Type. Pure functions, callable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace stepwell::steps {

struct RequestBody {
  std::string bytes;
  std::string content_type;  // to be sent
};

// `content_type`: the author's, or empty. `boundary`: between the parts of multipart/form-data,
// where the author gives none: nobody must be able to guess it, since a part that holds it is
// refused. `body` is not null.
//   JSON, or nothing and no text   the value as JSON, text as it is
//   …/x-www-form-urlencoded        an object's members, arrays repeat their name; or text as it is
//   multipart/form-data            an object's members as parts: scalars, arrays of these, and
//                                  {filename, contentType, content | base64} for files
//   application/x-ndjson           an array: each element in a line of its own
//   any other                      text in the type's charset; {base64: …} the bytes it stands for
// Errors: configuration/400 `body-invalid`.
Result<RequestBody> encode_body(const Value& body, std::string_view content_type,
                                std::string_view boundary);

// A scalar as it stands in a header, a query or a form; nothing for null, arrays and objects.
std::optional<std::string> scalar_text(const Value& value);

}  // namespace stepwell::steps
