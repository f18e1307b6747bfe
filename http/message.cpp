#include "http/message.h"

#include "http/headers.h"

namespace stepwell::http {

std::string_view to_string(Sent sent) {
  switch (sent) {
    case Sent::no:
      return "no";
    case Sent::partly:
      return "partly";
    case Sent::yes:
      return "yes";
  }
  return "no";
}

const std::string* Response::header(std::string_view name) const {
  for (const Header& header : headers)
    if (equal_names(header.name, name)) return &header.value;
  return nullptr;
}

}  // namespace stepwell::http
