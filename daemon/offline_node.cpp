#include "daemon/offline_node.h"

#include <string_view>
#include <utility>

#include "daemon/definitions.h"
#include "daemon/serve_command.h"
#include "daemon/site.h"

namespace stepwell::daemon {

Result<std::unique_ptr<OfflineNode>> OfflineNode::open(const config::Settings& settings) {
  Result<NodeOptions> options = node_options(settings);
  if (!options) return fail(std::move(options).error());
  options->log_level = LogLevel::error;
  options->event_sink.url.clear();
  std::unique_ptr<OfflineNode> made(new OfflineNode());
  Result<std::unique_ptr<Node>> node = Node::open(*options);
  if (!node) return fail(std::move(node).error());
  made->node_ = *std::move(node);
  Node& opened = *made->node_;
  read_definitions(settings.definitions, opened.catalog());
  // They are brought back, and none goes on.
  opened.engine().refuse_new();
  if (Status recovered = opened.recover(); !recovered) return fail(std::move(recovered).error());
  Result<std::unique_ptr<api::Administration>> administration = api::Administration::make_whole(
      {opened.engine(), opened.catalog(), opened.authority(), opened.reactor(),
       master_key_source(settings), opened.clock(), opened.entropy(), opened.metrics(),
       opened.log(), [] { return Status(); }, [] { return Status(); }, &opened.schedules(),
       opened.files(), settings.files_max_size});
  if (!administration) return fail(std::move(administration).error());
  made->administration_ = *std::move(administration);
  return made;
}

bool OfflineNode::answers(const std::string& method, const std::string& target, const Value& body) {
  const std::string_view path = std::string_view(target).substr(0, target.find('?'));
  if (path.starts_with("/api/v1/workflows")) return true;
  if (!path.starts_with("/api/v1/instances")) return false;
  if (method == "GET") return !path.ends_with("/events");
  if (method == "DELETE") return target.find("stop=true") == std::string::npos;
  return path == "/api/v1/instances/bulk/delete" && !body.get("stop").truthy();
}

api::Response OfflineNode::call(const std::string& method, const std::string& target,
                                std::string body, const std::string& user) const {
  return administration_->call(method, target, std::move(body), user);
}

}  // namespace stepwell::daemon
