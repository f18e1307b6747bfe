#include "daemon/graph_command.h"

#include <fstream>
#include <ostream>

#include "auth/redactor.h"
#include "config/graph.h"
#include "daemon/definitions.h"
#include "daemon/exit_code.h"
#include "daemon/graph_mermaid.h"
#include "daemon/graph_svg.h"

namespace stepwell::daemon {

int graph(const GraphOptions& options, CommandContext& context) {
  const auth::Redactor keys;  // knows API keys by their form
  const config::Loaded loaded =
      load_file(options.file, [&keys](std::string_view text) { return keys.knows_part_of(text); });
  for (const config::Fault& fault : loaded.faults) context.err << fault.text() << '\n';
  if (!loaded.definition) return kUsage;
  const config::Graph flow = config::graph_of(*loaded.definition);
  const std::string text = options.format == "svg" ? svg_of(flow) : mermaid_of(flow);
  if (options.output.empty() || options.output == "-") {
    context.out << text;
    return kDone;
  }
  std::ofstream file(options.output, std::ios::binary);
  file << text;
  file.close();
  if (file) return kDone;
  context.err << "stepwell graph: " << options.output << " cannot be written\n";
  return kUsage;
}

}  // namespace stepwell::daemon
