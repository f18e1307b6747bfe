// `run: container` by a command that understands docker's command line (docker, podman).
#include <algorithm>
#include <filesystem>
#include <utility>

#include "steps/process_command.h"
#include "steps/process_text.h"

namespace stepwell::steps {

namespace {

constexpr std::size_t kLongestContainerName = 200;
constexpr const char* kIdFile = "container-id";

bool fits_container_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

Result<std::string> name_of(const Value& given, const std::string& otherwise) {
  if (given.is_null()) return otherwise;
  auto name = process_text(given, "the name");
  if (!name) return name;
  const bool good = !name->empty() && name->size() <= kLongestContainerName &&
                    std::all_of(name->begin(), name->end(), fits_container_name) &&
                    std::string_view("_.-").find(name->front()) == std::string_view::npos;
  if (!good)
    return fail(
        process_invalid("`name` gave what cannot name a container; expected letters, "
                        "digits, `_`, `.` and `-`, a letter or digit first"));
  return name;
}

// Its place on the machine, if that lies within one of those that the settings name. What links
// lead to counts, not what they are called; and that place is what the container gets, since the
// links may lead elsewhere a moment later.
std::optional<std::string> allowed_place(const std::string& source,
                                         const std::vector<std::string>& allowed) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::weakly_canonical(source, error);
  if (error) return std::nullopt;
  const bool within =
      std::any_of(allowed.begin(), allowed.end(), [&](const std::string& directory) {
        std::error_code unknown;
        const std::filesystem::path parent = std::filesystem::canonical(directory, unknown);
        if (unknown) return false;
        return std::mismatch(parent.begin(), parent.end(), path.begin(), path.end()).first ==
               parent.end();
      });
  if (!within) return std::nullopt;
  return path.string();
}

Status add_volumes(const Value& volumes, const ProcessPrograms& programs,
                   std::vector<std::string>& into) {
  for (const Value::Member& member : volumes.members()) {
    std::string source(member.name());
    auto target = process_text(member.value, "a volume");
    if (!target) return fail(std::move(target.error()));
    std::string_view path = *target;
    if (path.ends_with(":ro") || path.ends_with(":rw")) path.remove_suffix(3);
    if (!path.starts_with('/') || path.find(':') != std::string_view::npos)
      return fail(
          process_invalid("the volume " + source + " needs an absolute path within the container"));
    if (source.starts_with('/')) {
      auto place = allowed_place(source, programs.container_volumes);
      if (!place)
        return fail(make_problem(
            ErrorKind::authorization, "volume-not-allowed",
            "containers may not be given " + source +
                "; the setting run.containerVolumes names the directories that they may be given"));
      source = std::move(*place);
    }
    if (source.find(':') != std::string::npos)
      return fail(process_invalid("the volume " + source + " has a colon in its path"));
    into.insert(into.end(), {"--volume", source + ":" + *target});
  }
  return {};
}

Status add_ports(const Value& ports, std::vector<std::string>& into) {
  for (const Value::Member& member : ports.members()) {
    auto target = process_text(member.value, "a port");
    if (!target) return fail(std::move(target.error()));
    if (target->find_first_not_of("0123456789/tcpud") != std::string::npos || target->empty())
      return fail(process_invalid("the port " + std::string(member.name()) +
                                  " needs a port of the container, such as 80 or 80/udp"));
    std::string source(member.name());
    // Else the container's port would be open to everybody who reaches this machine.
    if (source.find(':') == std::string::npos) source.insert(0, "127.0.0.1:");
    into.insert(into.end(), {"--publish", source + ":" + *target});
  }
  return {};
}

// `docker run` and all its options.
Status add_options(const Value& arguments, const ProcessPrograms& programs,
                   std::vector<std::string>& into) {
  const Value& cleanup = arguments.get("cleanup");
  if (cleanup == Value("always")) into.emplace_back("--rm");
  if (!arguments.get("stdin").is_null()) into.emplace_back("--interactive");
  const Value& policy = arguments.get("pullPolicy");
  if (!policy.is_null())
    into.insert(
        into.end(),
        {"--pull", policy == Value("ifNotPresent") ? "missing" : std::string(policy.as_string())});
  into.insert(into.end(), programs.container_options.begin(), programs.container_options.end());
  if (auto added = add_ports(arguments.get("ports"), into); !added) return added;
  if (auto added = add_volumes(arguments.get("volumes"), programs, into); !added) return added;
  auto environment = own_environment(arguments.get("environment"));
  if (!environment) return fail(std::move(environment.error()));
  for (std::string& variable : *environment)
    into.insert(into.end(), {"--env", std::move(variable)});
  return {};
}

// The image and what it runs. The standard's `command` is a shell's, with `arguments` as $1 and so
// on; without it the arguments are those of the image's own command.
Status add_command(const Value& arguments, std::vector<std::string>& into) {
  auto image = process_text(arguments.get("image"), "the image");
  if (!image) return fail(std::move(image.error()));
  if (image->empty() || image->starts_with('-') ||
      image->find_first_of(" \t\r\n") != std::string::npos)
    return fail(process_invalid("`image` gave what is no name of an image"));
  into.push_back(std::move(*image));
  if (!arguments.get("command").is_null()) {
    auto command = process_text(arguments.get("command"), "the command");
    if (!command) return fail(std::move(command.error()));
    into.insert(into.end(), {"sh", "-c", "--", std::move(*command), "sh"});
  }
  for (const Value& argument : arguments.get("arguments").elements()) {
    auto text = process_text(argument, "an argument");
    if (!text) return fail(std::move(text.error()));
    into.push_back(std::move(*text));
  }
  return {};
}

// Of the program itself; what runs within gets none of them. What an operator names in the settings
// counts before what the daemon has.
std::vector<std::string> program_environment(const ProcessPrograms& programs) {
  std::vector<std::string> variables = programs.environment;
  for (const std::string& variable : programs.container_environment) {
    const std::string name = variable.substr(0, variable.find('=') + 1);
    if (std::none_of(variables.begin(), variables.end(),
                     [&](const std::string& given) { return given.starts_with(name); }))
      variables.push_back(variable);
  }
  return variables;
}

}  // namespace

Result<ContainerRequest> container_request(const Value& arguments, const ProcessPrograms& programs,
                                           const std::string& default_name) {
  ContainerRequest request;
  ProcessRequest& run = request.run;
  auto name = name_of(arguments.get("name"), default_name);
  if (!name) return fail(std::move(name.error()));
  run.kind = "container";
  run.environment = program_environment(programs);
  run.own_home = false;
  // Some of these programs need the help of others with more rights (newuidmap).
  run.keeps_rights = false;
  // The name may be another container's. The id is that of the one which this call has made; it is
  // written before that one starts.
  run.id_file = kIdFile;
  run.arguments = {programs.container, "run", "--name", *name, "--cidfile", kIdFile};
  if (auto added = add_options(arguments, programs, run.arguments); !added)
    return fail(std::move(added.error()));
  if (auto added = add_command(arguments, run.arguments); !added)
    return fail(std::move(added.error()));
  const Value& input = arguments.get("stdin");
  if (!input.is_null()) {
    auto text = process_text(input, "the input");
    if (!text) return fail(std::move(text.error()));
    run.input = std::move(*text);
  }
  const Value& cleanup = arguments.get("cleanup");
  const bool stays = cleanup.is_null() || cleanup == Value("never");
  const std::vector<std::string> remove = {programs.container, "rm", "--force"};
  run.when_cut_short = stays ? std::vector<std::string>{programs.container, "kill"} : remove;
  if (cleanup == Value("eventually")) {
    request.removal = ProcessRequest();
    request.removal->kind = "container";
    request.removal->arguments = remove;
    request.removal->environment = run.environment;
    request.removal->own_home = false;
    request.removal->keeps_rights = false;
    request.removal->wants_output = request.removal->wants_error = false;
    request.removal->delay = Milliseconds(arguments.get("after").as_integer().value_or(0));
  }
  return request;
}

std::string container_name(const config::Definition& definition, const std::string& task,
                           const std::string& unique) {
  std::string name = definition.name + "-" + unique + "." + definition.namespace_ + "-" + task;
  for (char& c : name)
    if (!fits_container_name(c)) c = '-';
  return name.substr(0, kLongestContainerName);
}

}  // namespace stepwell::steps
