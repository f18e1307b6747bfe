#include "steps/process_job.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace stepwell::steps {

namespace {

constexpr std::size_t kTail = 2048;  // bytes that are shown of a stream that is not wanted
// Longer than most stored values: what is left of one that was cut lies within it.
constexpr std::size_t kLead = 16UL * 1024;
constexpr std::size_t kLongestId = 128;
constexpr int kUnknownCode = 255;
constexpr std::size_t kOneTurn = 256UL * 1024;  // then the others get theirs
// More than any pipe holds (fcntl(2), F_SETPIPE_SZ): a process that has left the group may go on
// writing for ever.
constexpr std::size_t kLeftInPipe = 2UL * 1024 * 1024;

bool names_variable(const std::vector<std::string>& environment, std::string_view prefix) {
  return std::any_of(environment.begin(), environment.end(),
                     [&](const std::string& variable) { return variable.starts_with(prefix); });
}

}  // namespace

bool Capture::add(std::string_view bytes) {
  if (wanted_) {
    const std::size_t room = limit_.count - std::min<std::size_t>(bytes_.size(), limit_.count);
    bytes_.append(bytes.substr(0, room));
    return bytes.size() <= room;
  }
  bytes_.append(bytes);
  if (bytes_.size() > 2 * (kLead + kTail)) bytes_.erase(0, bytes_.size() - kLead - kTail);
  return true;
}

std::size_t Capture::lead() const { return !wanted_ && bytes_.size() >= kLead + kTail ? kLead : 0; }

std::string Capture::take() {
  if (!wanted_ && bytes_.size() > kLead + kTail) bytes_.erase(0, bytes_.size() - kLead - kTail);
  return std::move(bytes_);
}

ProcessJob::ProcessJob(ProcessRequest request, std::shared_ptr<ProcessListener> listener,
                       Bytes most_output)
    : request_(std::move(request)),
      listener_(std::move(listener)),
      output_(request_.wants_output, most_output),
      error_(request_.wants_error, most_output) {}

Status ProcessJob::launch(ProcessDirectories& directories) {
  if (request_.prepare) {
    const auto prepare = std::exchange(request_.prepare, {});
    if (auto prepared = prepare(request_); !prepared) return prepared;
  }
  auto directory = directories.make();
  if (!directory) return fail(std::move(directory.error()));
  directory_ = std::move(*directory);
  if (!request_.file_name.empty()) {
    auto written = ProcessDirectories::write(directory_, request_.file_name, request_.file);
    if (!written) return written;
    request_.file = {};
  }
  for (const char* name : {"HOME=", "TMPDIR="})
    if (request_.own_home && !names_variable(request_.environment, name))
      request_.environment.push_back(name + directory_);
  auto spawned = spawn_process({request_.arguments, request_.environment, directory_,
                                request_.input.has_value(), request_.keeps_rights});
  if (!spawned) return fail(std::move(spawned.error()));
  spawned_ = std::move(*spawned);
  state = State::running;
  if (request_.input && request_.input->empty()) spawned_.input.close();
  return {};
}

bool ProcessJob::launch_follower() {
  if (!cut_short || state != State::running || request_.when_cut_short.empty()) return false;
  if (!request_.id_file.empty()) {
    if (end.id.empty()) return false;
    request_.when_cut_short.push_back(end.id);
  }
  auto spawned = spawn_process(
      {request_.when_cut_short, request_.environment, directory_, false, request_.keeps_rights});
  if (!spawned) return false;
  spawned_ = std::move(*spawned);
  // Nobody wants to know what it says.
  spawned_.output.close();
  spawned_.error.close();
  state = State::following;
  return true;
}

const Descriptor& ProcessJob::descriptor(Stream stream) const {
  switch (stream) {
    case Stream::watch:
      return spawned_.watch;
    case Stream::input:
      return spawned_.input;
    case Stream::output:
      return spawned_.output;
    default:
      return spawned_.error;
  }
}

bool ProcessJob::serve(Stream stream) {
  switch (stream) {
    case Stream::input:
      feed();
      return spawned_.input.is_open();
    case Stream::output:
      return drain(spawned_.output, output_, kOneTurn);
    case Stream::error:
      return drain(spawned_.error, error_, kOneTurn);
    default:
      return true;
  }
}

void ProcessJob::feed() {
  const std::string& input = *request_.input;
  while (fed_ < input.size()) {
    const ssize_t written =
        ::write(spawned_.input.number(), input.data() + fed_, input.size() - fed_);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) break;  // it does not want to read any more, which is its own affair
    fed_ += static_cast<std::size_t>(written);
  }
  spawned_.input.close();
}

// False: over, or too much.
bool ProcessJob::drain(Descriptor& descriptor, Capture& capture, std::size_t most) {
  std::array<char, 32UL * 1024> chunk;
  std::size_t drained = 0;
  while (descriptor.is_open() && drained < most) {
    const ssize_t got = ::read(descriptor.number(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) {
      descriptor.close();
      return false;
    }
    drained += static_cast<std::size_t>(got);
    if (!capture.add({chunk.data(), static_cast<std::size_t>(got)})) {
      overflowed_ = true;
      return false;
    }
  }
  return descriptor.is_open();
}

void ProcessJob::signal_group(int signal) const {
  // Until collect() the number is the process's own, ended or not.
  if (spawned_.id > 0) ::kill(-spawned_.id, signal);
}

void ProcessJob::collect() {
  signal_group(SIGKILL);
  drain(spawned_.output, output_, kLeftInPipe);
  drain(spawned_.error, error_, kLeftInPipe);
  siginfo_t ended{};
  int waited = 0;
  do {
    waited = ::waitid(P_PID, static_cast<id_t>(spawned_.id), &ended, WEXITED);
  } while (waited != 0 && errno == EINTR);
  if (state == State::running) {
    end.code = ended.si_code == CLD_EXITED ? ended.si_status : 128 + ended.si_status;
    if (waited != 0) end.code = kUnknownCode;  // somebody else has collected it
    read_id();
  }
  spawned_.id = 0;
  spawned_.watch.close();
  spawned_.input.close();
  spawned_.output.close();
  spawned_.error.close();
}

// It becomes an argument of a command, so it must look like an id.
void ProcessJob::read_id() {
  if (request_.id_file.empty()) return;
  const std::string path = directory_ + "/" + request_.id_file;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  std::array<char, kLongestId + 2> text;
  const ssize_t got = file.is_open() ? ::read(file.number(), text.data(), text.size()) : 0;
  if (got <= 0) return;
  std::string_view id(text.data(), static_cast<std::size_t>(got));
  if (id.ends_with('\n')) id.remove_suffix(1);
  const bool good = id.size() <= kLongestId && std::all_of(id.begin(), id.end(), [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                    });
  if (good) end.id = id;
}

void ProcessJob::report(ProcessDirectories& directories) {
  if (!directory_.empty()) directories.remove(std::move(directory_));
  directory_.clear();
  end.output = output_.take();
  end.lead = error_.lead();
  end.error = error_.take();
  listener_->ended(std::move(end));
}

}  // namespace stepwell::steps
