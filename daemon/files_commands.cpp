// `stepwell files`: what is handed in to workflows, and fetched from them.
#include <cstdint>
#include <ostream>
#include <string>

#include "base/entropy.h"
#include "daemon/admin_commands.h"
#include "daemon/command_group.h"
#include "daemon/file_transfer.h"

namespace stepwell::daemon {

namespace {

constexpr const char* kFiles = "/api/v1/files";

struct FileOptions {
  std::string id, path, name, media_type, instance;
  PageOptions page;
};

Result<Value> upload_file(CommandContext& context, const CommonOptions& common,
                          const FileOptions& options) {
  const FilePart::Facts facts{options.path, options.name, options.media_type,
                              "stepwell-" + SystemEntropy().hex(16)};
  auto part = FilePart::open(facts);
  if (!part) return fail(std::move(part.error()));
  const Result<std::unique_ptr<Backend>> backend = open_backend(context, common);
  if (!backend) return fail(backend.error());
  return (*backend)->upload(kFiles, "multipart/form-data; boundary=" + facts.boundary, *part);
}

Status download_file(CommandContext& context, const CommonOptions& common,
                     const FileOptions& options) {
  const bool to_stream = options.path.empty() || options.path == "-";
  if (to_stream && context.terminal.out)
    return fail(usage_problem("a file's bytes do not go to a terminal: say where to write them"));
  const Result<std::unique_ptr<Backend>> backend = open_backend(context, common);
  if (!backend) return fail(backend.error());
  const std::string target = path_to(kFiles, options.id, "/content");
  if (to_stream)
    return (*backend)->download(target, {}, [&context](std::string_view piece) -> Status {
      context.out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
      if (context.out) return {};
      return fail(make_problem(ErrorKind::configuration, "file-unwritable",
                               "standard output takes no more"));
    });
  FileReplacement file(options.path);
  Status got = (*backend)->download(target, {},
                                    [&file](std::string_view piece) { return file.write(piece); });
  return got ? file.finish() : got;
}

}  // namespace

void add_files_commands(CLI::App& app, CommandContext& context) {
  Group group(app, context, "files", "Files that are handed in to workflows");
  const auto options = std::make_shared<FileOptions>();
  const auto with_id = [&options](Command command) {
    command.text("id", options->id, "Of the file").required().kind("HELD_FILE");
    return command;
  };
  Command upload = group.add_own("upload", "Hand a file in, and print its id",
                                 [options](CommandContext& c, const CommonOptions& common) {
                                   const Result<Value> answer = upload_file(c, common, *options);
                                   if (!answer)
                                     return report_problem(c, common.format(), answer.error());
                                   print_answer(c, common.format(), *answer);
                                 });
  upload.text("file", options->path, "What to hand in").required().kind("FILE");
  upload.text("--name", options->name, "For people (default: its own)").kind("NAME");
  upload.text("--media-type", options->media_type, "E.g. application/pdf").kind("TYPE");
  upload.footer("Example:\n  stepwell files upload invoice.pdf --media-type application/pdf");
  Command download =
      with_id(group.add_own("download", "Fetch a file's content",
                            [options](CommandContext& c, const CommonOptions& common) {
                              if (const Status got = download_file(c, common, *options); !got)
                                report_problem(c, common.format(), got.error());
                            }));
  download.text("to", options->path, "Where to write it (default: standard output)").kind("FILE");
  download.footer("Example:\n  stepwell files download f_01j9z3k8q2 invoice.pdf");
  with_id(group.add("show", "Show what is known of a file", [options](CommandContext&) {
    return get(path_to(kFiles, options->id));
  })).footer("Example:\n  stepwell files show f_01j9z3k8q2");
  Command list = group.add("list", "Show files", [options](CommandContext&) {
    return options->page.list(
        kFiles, Query().add("instance", options->instance),
        {"id", "name", "mediaType", "size", "instance", "user", "createdTime"});
  });
  list.text("--instance", options->instance, "Those that go with it").kind("INSTANCE");
  add_pages(list, options->page);
  list.footer("Example:\n  stepwell files list --instance 7318349394477056");
  with_id(group.add("delete", "Delete a file", [options](CommandContext&) {
    return remove(path_to(kFiles, options->id));
  })).footer("Example:\n  stepwell files delete f_01j9z3k8q2");
  group.command().footer("Example:\n  stepwell files upload invoice.pdf");
}

}  // namespace stepwell::daemon
