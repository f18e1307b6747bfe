#include "benchmarks/api_load.h"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "api/server.h"
#include "benchmarks/http_load.h"
#include "config/loader.h"

namespace stepwell::bench {
namespace {

const auth::Actor kActor{"bench", "bench"};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "the API's client: %s\n", why.c_str());
  std::exit(1);
}

std::string issue_key(daemon::Node& node) {
  if (!node.authority().users().create(kActor, "bench", auth::Role::operator_))
    give_up("no user could be made");
  const auto issued = node.authority().keys().create(kActor, {"bench", "bench"});
  if (!issued) give_up(issued.error().one_line());
  return std::string(issued->secret.reveal());
}

void load_workflow(daemon::Node& node, const std::string& definition) {
  const config::Loaded loaded = config::load_definition(definition, "bench.yaml");
  if (!loaded.definition) give_up(loaded.faults.front().text());
  if (!node.catalog().replace({{loaded.definition, node.engine().prepare(loaded.definition)}}))
    give_up("the workflow cannot be taken over");
}

std::unique_ptr<api::Server> serve(daemon::Node& node) {
  api::ServerOptions options;
  options.listen = "127.0.0.1:0";
  auto server = api::Server::start(options, {node.engine(),
                                             node.catalog(),
                                             node.authority(),
                                             node.reactor(),
                                             {},
                                             node.clock(),
                                             node.entropy(),
                                             node.metrics(),
                                             node.log(),
                                             [] { return Status(); },
                                             [] { return Status(); },
                                             &node.schedules()});
  if (!server) give_up(server.error().one_line());
  return std::move(*server);
}

}  // namespace

class ApiLoad::Impl {
 public:
  Impl(daemon::Node& node, const std::string& definition, const std::string& workflow,
       std::size_t connections) {
    load_workflow(node, definition);
    const std::string key = issue_key(node);
    server_ = serve(node);
    client_.emplace(server_->address(), connections);
    request_ = request_text("POST", "/api/v1/instances?wait=30s", key,
                            R"({"workflow":")" + workflow + R"(","input":{}})");
  }

  double run(std::size_t total) {
    return client_
        ->run(
            total, [this](std::size_t) { return request_; },
            [](std::string_view answer) {
              expect_status(answer, 201);
              if (answer.find(R"("status":"completed")") == std::string_view::npos)
                give_up(std::string(answer));
            })
        .per_second();
  }

 private:
  std::unique_ptr<api::Server> server_;
  std::optional<HttpLoad> client_;
  std::string request_;
};

ApiLoad::ApiLoad(daemon::Node& node, const std::string& definition, const std::string& workflow,
                 std::size_t connections)
    : impl_(std::make_unique<Impl>(node, definition, workflow, connections)) {}
ApiLoad::~ApiLoad() = default;
double ApiLoad::run(std::size_t total) { return impl_->run(total); }

}  // namespace stepwell::bench
