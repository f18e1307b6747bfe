// From the evaluated `body` of a call to the bytes that go over the wire, by the request's
// Content-Type. Pure functions, callable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "steps/file_source.h"

namespace stepwell::steps {

struct RequestBody {
  std::string bytes;
  std::string content_type;  // to be sent
  // Instead of `bytes`, where files are sent: what comes one behind the other.
  std::vector<BodyPiece> pieces = {};
};

// `content_type`: the author's, or empty. `boundary`: between the parts of multipart/form-data,
// where the author gives none: nobody must be able to guess it, since a part that holds it is
// refused. `body` is not null.
//   JSON, or nothing and no text   the value as JSON, text as it is
//   …/x-www-form-urlencoded        an object's members, arrays repeat their name; or text as it is
//   multipart/form-data            an object's members as parts: scalars, arrays of these, files
//                                  (engine::file_value()), and {filename, contentType, content |
//                                  base64}; a file by itself is one part, called file
//   application/x-ndjson           an array: each element in a line of its own
//   none or any but JSON, a file   the file's bytes, with its own type where none is given
//   any other                      text in the type's charset; {base64: …} the bytes it stands for
// Errors: configuration/400 `body-invalid`.
Result<RequestBody> encode_body(const Value& body, std::string_view content_type,
                                std::string_view boundary);

// A scalar as it stands in a header, a query or a form; nothing for null, arrays and objects.
std::optional<std::string> scalar_text(const Value& value);

}  // namespace stepwell::steps
