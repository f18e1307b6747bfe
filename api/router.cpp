#include "api/router.h"

#include <algorithm>

namespace stepwell::api {

namespace {

Problem invalid(const Route& route, std::string_view what) {
  return make_problem(ErrorKind::configuration, "route-invalid",
                      "route " + route.method + " " + route.pattern + ": " + std::string(what));
}

bool has_handler(const Route& route) {
  return std::visit([](const auto& handler) { return static_cast<bool>(handler); }, route.handler);
}

Problem not_allowed(const std::vector<std::string>& methods) {
  std::string allow;
  for (const std::string& method : methods) {
    if (!allow.empty()) allow += ", ";
    allow += method;
    if (method == "GET") allow += ", HEAD";
  }
  return client_error(405, "method-not-allowed", "the methods of this resource are: " + allow)
      .with("allow", allow);
}

}  // namespace

Status Router::add(Route route) {
  if (!route.access) return fail(invalid(route, "it declares no permission"));
  if (!has_handler(route)) return fail(invalid(route, "it has no handler"));
  const Result<Target> target = [&] {
    std::string plain = route.pattern;
    std::erase_if(plain, [](char c) { return c == '{' || c == '}'; });
    return parse_target(plain);
  }();
  if (!target) return fail(invalid(route, target.error().detail));

  std::vector<Segment> pattern;
  for (std::size_t from = 1; from <= route.pattern.size();) {
    const std::size_t end = std::min(route.pattern.find('/', from), route.pattern.size());
    std::string text = route.pattern.substr(from, end - from);
    const bool parameter = text.size() > 2 && text.front() == '{' && text.back() == '}';
    if (!parameter && text.find_first_of("{}") != std::string::npos)
      return fail(invalid(route, "a parameter is a whole segment in braces"));
    pattern.push_back({parameter, std::move(text)});
    from = end + 1;
  }
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (routes_[i].method != route.method || patterns_[i].size() != pattern.size()) continue;
    const bool same = std::equal(
        pattern.begin(), pattern.end(), patterns_[i].begin(), [](const auto& a, const auto& b) {
          return a.parameter == b.parameter && (a.parameter || a.text == b.text);
        });
    if (same) return fail(invalid(route, "there is a route for it already"));
  }
  routes_.push_back(std::move(route));
  patterns_.push_back(std::move(pattern));
  return {};
}

bool Router::fits(const std::vector<Segment>& pattern, const std::vector<std::string>& segments) {
  return std::equal(pattern.begin(), pattern.end(), segments.begin(), segments.end(),
                    [](const Segment& expected, const std::string& given) {
                      return expected.parameter ? !given.empty() : expected.text == given;
                    });
}

bool Router::more_specific(const std::vector<Segment>& a, const std::vector<Segment>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].parameter != b[i].parameter) return b[i].parameter;
  }
  return false;
}

Result<Match> Router::match(std::string_view method, const Target& target) const {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  std::vector<std::string> others;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (!fits(patterns_[i], target.segments)) continue;
    const std::string& offered = routes_[i].method;
    if (offered != wanted) {
      if (std::find(others.begin(), others.end(), offered) == others.end())
        others.push_back(offered);
    } else if (!best || more_specific(patterns_[i], patterns_[*best])) {
      best = i;
    }
  }
  if (best) {
    Match match{*best, {}};
    for (std::size_t i = 0; i < target.segments.size(); ++i) {
      if (patterns_[*best][i].parameter) match.parameters.push_back(target.segments[i]);
    }
    return match;
  }
  if (!others.empty()) return fail(not_allowed(others));
  return fail(client_error(404, "route-unknown", "there is nothing at this path"));
}

}  // namespace stepwell::api
