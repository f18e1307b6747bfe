// What the header Content-Type says (RFC 9110 §8.3). Pure functions, callable from any thread.
#pragma once

#include <string>
#include <string_view>

namespace stepwell::steps {

struct MediaType {
  std::string name;      // "text/html", in lower case; empty where there is none
  std::string charset;   // as it was written; empty where there is none
  std::string boundary;  // of multipart/…

  bool is_json() const;  // application/json and …+json (RFC 6839 §3.1)
  bool is_form() const { return name == "application/x-www-form-urlencoded"; }
  // Is its content text: text/…, XML, and whatever says its charset?
  bool is_text() const;
};

// A field that cannot be read gives what can be read of it.
MediaType parse_media_type(std::string_view field);

}  // namespace stepwell::steps
