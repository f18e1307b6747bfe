#include "http/handle.h"

#include <curl/curl.h>

#include <algorithm>

#include "http/classify.h"
#include "http/headers.h"
#include "http/pool.h"
#include "http/url.h"

namespace stepwell::http {
namespace {

constexpr long kReceiveBuffer = 16L * 1024;
// From here on libcurl sends a body apart from the head, and above 1 MiB it would ask first with
// `Expect: 100-continue`, which costs a round trip and a second where a server ignores it.
constexpr std::size_t kSeparateBody = 64UL * 1024;

template <class T>
void set(void* easy, CURLoption option, T value) {
  // Fails only for options that this libcurl lacks, which the tests would show.
  static_cast<void>(curl_easy_setopt(easy, option, value));
}

curl_slist* list_of(const std::vector<std::string>& lines) {
  curl_slist* list = nullptr;
  for (const std::string& line : lines) list = curl_slist_append(list, line.c_str());
  return list;
}

// Methods that carry content by their meaning say so even when it is empty (RFC 9110 §8.6).
bool expects_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

std::uint64_t content_size(const Request& request) {
  if (request.source) return request.source->size();
  return request.body ? request.body->size() : 0;
}

// The codings that this libcurl decodes and that are worth asking for.
std::string accept_encoding_line_of_libcurl() {
  const int features = curl_version_info(CURLVERSION_NOW)->features;
  // Not "deflate", which is decoded as well: it means two things, and whoever has it has gzip. Each
  // byte of a request's head costs libcurl about a hundred instructions.
  std::string line = "Accept-Encoding: gzip";
  if ((features & CURL_VERSION_BROTLI) != 0) line += ", br";
  if ((features & CURL_VERSION_ZSTD) != 0) line += ", zstd";
  return line;
}

std::uint64_t info_offset(void* easy, CURLINFO which) {
  curl_off_t value = 0;
  return curl_easy_getinfo(easy, which, &value) == CURLE_OK && value > 0
             ? static_cast<std::uint64_t>(value)
             : 0;
}

}  // namespace

Surroundings::Surroundings(ReactorOptions given)
    : options(std::move(given)),
      connect_to(list_of(options.connect_to)),
      resolve(list_of(options.resolve)),
      user_agent_line("User-Agent: " + options.user_agent),
      accept_encoding_line(accept_encoding_line_of_libcurl()) {}

Surroundings::~Surroundings() {
  curl_slist_free_all(connect_to);
  curl_slist_free_all(resolve);
}

Handle::Handle(Surroundings& surroundings, PoolLane& home)
    : surroundings_(surroundings), home_(home), easy_(curl_easy_init()) {
  static_assert(CURL_ERROR_SIZE <= 256);
  if (easy_ != nullptr) set_constant_options();
}

Handle::~Handle() {
  if (easy_ != nullptr) curl_easy_cleanup(easy_);
  curl_url_cleanup(static_cast<CURLU*>(parsed_url_));
}

Handle* Handle::of(void* easy) {
  char* self = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
  return reinterpret_cast<Handle*>(self);
}

void Handle::set_constant_options() {
  const ReactorOptions& options = surroundings_.options;
  set(easy_, CURLOPT_PRIVATE, static_cast<void*>(this));
  set(easy_, CURLOPT_SHARE, home_.share());
  set(easy_, CURLOPT_ERRORBUFFER, message_.data());
  set(easy_, CURLOPT_NOSIGNAL, 1L);
  set(easy_, CURLOPT_NOPROGRESS, 1L);
  // Without it, giving up on a slow name lookup would block the thread until the lookup ends.
  set(easy_, CURLOPT_QUICK_EXIT, 1L);
  set(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  // An empty proxy keeps the environment's proxy variables out; so does no list of exceptions.
  set(easy_, CURLOPT_PROXY, home_.pool().proxy().c_str());
  set(easy_, CURLOPT_NOPROXY, "");
  set(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy_, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(easy_, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy_, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(easy_, CURLOPT_HTTP09_ALLOWED, 0L);
  set(easy_, CURLOPT_ACCEPT_ENCODING, "");
  set(easy_, CURLOPT_TCP_NODELAY, 1L);
  set(easy_, CURLOPT_BUFFERSIZE, kReceiveBuffer);
  set(easy_, CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy_, CURLOPT_SSL_VERIFYHOST, 2L);
  set(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  const std::string& ca_file = home_.pool().ca_file();
  const std::string& authorities = ca_file.empty() ? options.ca_file : ca_file;
  if (!authorities.empty()) set(easy_, CURLOPT_CAINFO, authorities.c_str());
  if (!options.ca_file.empty()) set(easy_, CURLOPT_PROXY_CAINFO, options.ca_file.c_str());
  if (surroundings_.connect_to != nullptr) set(easy_, CURLOPT_CONNECT_TO, surroundings_.connect_to);
  if (surroundings_.resolve != nullptr) set(easy_, CURLOPT_RESOLVE, surroundings_.resolve);
  set(easy_, CURLOPT_READFUNCTION, &Handle::on_read);
  set(easy_, CURLOPT_READDATA, static_cast<void*>(this));
  set<curl_seek_callback>(
      easy_, CURLOPT_SEEKFUNCTION,
      [](void* self, curl_off_t offset, int origin) { return on_rewind(self, offset, origin); });
  set(easy_, CURLOPT_SEEKDATA, static_cast<void*>(this));
  set(easy_, CURLOPT_WRITEFUNCTION, &Handle::on_body);
  set(easy_, CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(easy_, CURLOPT_HEADERFUNCTION, &Handle::on_header);
  set(easy_, CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(easy_, CURLOPT_PREREQFUNCTION, &Handle::on_about_to_send);
  set(easy_, CURLOPT_PREREQDATA, static_cast<void*>(this));
  set<curl_opensocket_callback>(easy_, CURLOPT_OPENSOCKETFUNCTION,
                                [](void* self, curlsocktype purpose, curl_sockaddr* address) {
                                  return on_open_socket(self, static_cast<int>(purpose), address);
                                });
  set(easy_, CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  // A connection outlives the handle that opened it, so its end is told to what outlives both.
  set(easy_, CURLOPT_CLOSESOCKETFUNCTION, &Handle::on_close_socket);
  set(easy_, CURLOPT_CLOSESOCKETDATA, static_cast<void*>(&surroundings_));
  set_identity();
  if (home_.pool().mail()) set_mail_options();
}

Status Handle::prepare(Transfer& transfer, bool http1_only) {
  const Request& request = transfer.request();
  const bool with_body = request.body.has_value() || request.source || expects_body(request.method);
  transfer_ = &transfer;
  set_socket(-1);
  message_[0] = '\0';
  if (home_.pool().mail()) return prepare_mail(request);
  // It may have been sent before: a redirect, a token that was refused.
  if (request.source)
    if (Status rewound = request.source->rewind(); !rewound) return rewound;
  if (Status login = set_login(transfer, with_body); !login) return login;
  if (request.url != url_) set_url(request.url);
  set_method(request, with_body);
  set_protocol(transfer.https, http1_only);
  return set_headers(request, with_body);
}

void Handle::release() {
  mail_.reset();
  transfer_ = nullptr;
  set_socket(-1);
  terminated_.clear();
  clear_login();
  if (method_ == Method::with_body)
    set(easy_, CURLOPT_POSTFIELDS, static_cast<const char*>(nullptr));
}

// Reading a URL and writing it anew, as libcurl does for each request that gives it as text, takes
// a seventh of what a request takes there. The text is given as well: libcurl goes back to it when
// it sends a request again.
void Handle::set_url(const std::string& url) {
  if (parsed_url_ == nullptr) parsed_url_ = curl_url();
  auto* const parsed = static_cast<CURLU*>(parsed_url_);
  // Read as libcurl would read the text.
  constexpr unsigned kFlags = CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER;
  const bool read =
      parsed != nullptr && curl_url_set(parsed, CURLUPART_URL, url.c_str(), kFlags) == CURLUE_OK;
  // What cannot be read here is left to libcurl to refuse.
  set(easy_, CURLOPT_CURLU, read ? parsed : nullptr);
  set(easy_, CURLOPT_URL, url.c_str());
  url_ = read ? url : std::string();
}

void Handle::set_method(const Request& request, bool with_body) {
  const Method method = with_body                  ? Method::with_body
                        : request.method == "HEAD" ? Method::head
                                                   : Method::get;
  if (method != method_) {
    if (method == Method::with_body) set(easy_, CURLOPT_POST, 1L);
    if (method == Method::get) set(easy_, CURLOPT_HTTPGET, 1L);
    if (method == Method::head) set(easy_, CURLOPT_NOBODY, 1L);
    method_ = method;
  }
  const std::string_view natural = with_body ? "POST" : method == Method::head ? "HEAD" : "GET";
  const std::string_view custom = request.method == natural ? std::string_view() : request.method;
  if (custom != custom_method_) {
    custom_method_ = custom;
    set(easy_, CURLOPT_CUSTOMREQUEST, custom.empty() ? nullptr : custom_method_.c_str());
  }
  if (with_body) {
    set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(content_size(request)));
    // Null: it is read as it is sent.
    const char* const fields = request.source ? nullptr : request.body ? request.body->data() : "";
    set(easy_, CURLOPT_POSTFIELDS, fields);
  }
}

void Handle::set_protocol(bool https, bool http1_only) {
  const int protocol = !https ? 0 : http1_only ? 1 : 2;
  if (protocol == protocol_) return;
  protocol_ = protocol;
  // Waiting for a connection that can be shared is right only where HTTP/2 is to be expected:
  // without TLS, libcurl would hold all requests back until the first answer.
  const bool http2 = protocol == 2;
  set(easy_, CURLOPT_HTTP_VERSION,
      static_cast<long>(http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  set(easy_, CURLOPT_PIPEWAIT, http2 ? 1L : 0L);
}

void Handle::add_secret_line(const Secret& line) {
  // libcurl reads C strings. A line that brings its NUL is used where it lies.
  const std::string_view bytes = line.reveal();
  const char* text = bytes.data();
  if (bytes.back() != '\0') {
    Secret& copy = terminated_.emplace_back(Secret::of_size(bytes.size() + 1));
    std::copy(bytes.begin(), bytes.end(), copy.writable());
    text = copy.reveal().data();
  }
  header_nodes_.push_back({const_cast<char*>(text), nullptr});
}

Status Handle::set_headers(const Request& request, bool with_body) {
  header_text_.clear();
  header_nodes_.clear();
  header_offsets_.clear();
  bool has_content_type = false;
  bool has_user_agent = false;
  bool has_accept_encoding = false;
  for (const Header& header : request.headers) {
    header_offsets_.push_back(header_text_.size());
    has_content_type = has_content_type || equal_names(header.name, "Content-Type");
    has_user_agent = has_user_agent || equal_names(header.name, "User-Agent");
    has_accept_encoding = has_accept_encoding || equal_names(header.name, "Accept-Encoding");
    header_text_ += header.name;
    // "Name:" would take a header away; "Name;" is how libcurl sends an empty one.
    if (header.value.find_first_not_of(" \t") == std::string::npos) {
      header_text_ += ';';
    } else {
      header_text_ += ": ";
      header_text_ += header.value;
    }
    header_text_ += '\0';
  }
  for (const std::size_t offset : header_offsets_)
    header_nodes_.push_back({header_text_.data() + offset, nullptr});
  if (request.guard) {
    for (const Secret& line : request.guard->secret_headers()) {
      std::string_view text = line.reveal();
      if (!text.empty() && text.back() == '\0') text.remove_suffix(1);
      if (!is_token(text.substr(0, text.find(':'))) || !is_field_value(text) ||
          text.find(':') == std::string_view::npos)
        return fail(make_problem(ErrorKind::configuration, "header-invalid",
                                 "the credential does not make a valid header; check its value for "
                                 "line breaks and other control characters"));
      // Which of two the other side would take is its choice (RFC 9110 §5.3).
      const std::string_view name = text.substr(0, text.find(':'));
      for (const Header& header : request.headers) {
        if (equal_names(header.name, name))
          return fail(make_problem(ErrorKind::configuration, "header-invalid",
                                   "the request has a header " + header.name +
                                       " of its own, and the credential sets the same one; take "
                                       "one of them away"));
      }
      add_secret_line(line);
    }
  }
  // libcurl only reads these strings.
  if (!has_user_agent)
    header_nodes_.push_back({const_cast<char*>(surroundings_.user_agent_line.c_str()), nullptr});
  if (!has_accept_encoding)
    header_nodes_.push_back(
        {const_cast<char*>(surroundings_.accept_encoding_line.c_str()), nullptr});
  // What it would add by itself.
  if (with_body && !has_content_type)
    header_nodes_.push_back({const_cast<char*>("Content-Type:"), nullptr});
  if (request.source || content_size(request) >= kSeparateBody)
    header_nodes_.push_back({const_cast<char*>("Expect:"), nullptr});
  for (std::size_t i = 1; i < header_nodes_.size(); ++i)
    header_nodes_[i - 1].next = &header_nodes_[i];
  set(easy_, CURLOPT_HTTPHEADER, header_nodes_.empty() ? nullptr : header_nodes_.data());
  return {};
}

bool Handle::all_written() const {
  // Without a socket it is not known whether libcurl still wants to write.
  return socket_ >= 0 && nothing_left_to_write();
}

bool Handle::nothing_left_to_write() const {
  if (home_.pool().mail()) return mail_ && mail_->all_written();
  if (surroundings_.poller.wants_write(socket_)) return false;
  // HTTP/2's flow control can hold a body back without a wish to write.
  return body_uploaded();
}

bool Handle::body_uploaded() const {
  const std::uint64_t size = content_size(transfer_->request());
  return size == 0 || transfer_->body_held_back ||
         info_offset(easy_, CURLINFO_SIZE_UPLOAD_T) >= size;
}

bool Handle::answered() const {
  return transfer_->head_done && transfer_->expected_bytes != Transfer::kUnknown &&
         info_offset(easy_, CURLINFO_SIZE_DOWNLOAD_T) >= transfer_->expected_bytes;
}

void Handle::give_back(Transfer& transfer) noexcept {
  if (!transfer.permit_held) return;
  transfer.permit_held = false;
  transfer.permit_to_connect = false;
  transfer.exchange->request.guard->written();
}

std::uint64_t Handle::bytes_sent() const {
  if (mail_) return mail_->bytes_sent();
  long head = 0;
  curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &head);
  // libcurl counts a small body of HTTP/1.1 with the head, since it goes out in the same write.
  const Request& request = transfer_->request();
  const bool apart = request.source || content_size(request) >= kSeparateBody ||
                     (content_size(request) > 0 && transfer_->response.http_version == 20);
  const auto heads = static_cast<std::uint64_t>(std::max(head, 0L));
  return heads - std::min(heads, transfer_->earlier_bytes) +
         (apart ? info_offset(easy_, CURLINFO_SIZE_UPLOAD_T) : 0);
}

std::uint64_t Handle::bytes_received() const {
  if (mail_) return transfer_->header_bytes + mail_->bytes_received();
  return transfer_->header_bytes + info_offset(easy_, CURLINFO_SIZE_DOWNLOAD_T);
}

Problem Handle::problem(int curl_code) const {
  Failure failure;
  failure.curl_code = curl_code;
  failure.message = message_[0] != '\0' ? std::string_view(message_.data())
                                        : curl_easy_strerror(static_cast<CURLcode>(curl_code));
  failure.target = transfer_->target();
  failure.sent = transfer_->sent();
  failure.repeatable = transfer_->request().repeatable;
  failure.answer_begun = transfer_->header_bytes > 0 || !transfer_->response.body.empty();
  failure.head_done = transfer_->head_done;
  if (home_.pool().mail()) return mail_problem(curl_code);
  return classify(failure);
}

}  // namespace stepwell::http
