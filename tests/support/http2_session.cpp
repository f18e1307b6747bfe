#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "tests/support/judged_session.h"

namespace stepwell::test {
namespace {

constexpr std::string_view kBody = R"({"ok":true})";
constexpr std::size_t kPreface = 24;  // RFC 9113 §3.4
constexpr std::size_t kFrameHeader = 9;
constexpr std::uint32_t kStreams = 100;

// Finds the frames in the byte stream (RFC 9113 §4.1) without waiting until they are whole, so that
// a part of one counts as well.
class FrameCounter {
 public:
  // How many of these bytes belong to HEADERS, DATA or CONTINUATION frames.
  std::uint64_t count(std::string_view bytes) {
    std::uint64_t found = 0;
    while (!bytes.empty()) {
      std::size_t part = 0;
      if (preface_left_ > 0) {
        part = std::min(preface_left_, bytes.size());
        preface_left_ -= part;
      } else if (payload_left_ > 0) {
        part = std::min(payload_left_, bytes.size());
        payload_left_ -= part;
        if (of_request()) found += part;
      } else {
        part = std::min(kFrameHeader - header_size_, bytes.size());
        std::memcpy(header_.data() + header_size_, bytes.data(), part);
        header_size_ += part;
        if (header_size_ == kFrameHeader) {
          header_size_ = 0;
          payload_left_ = static_cast<std::size_t>(header_[0]) << 16U |
                          static_cast<std::size_t>(header_[1]) << 8U | header_[2];
          if (of_request()) found += part;
        }
      }
      bytes.remove_prefix(part);
    }
    return found;
  }

 private:
  bool of_request() const {
    return header_[3] == NGHTTP2_DATA || header_[3] == NGHTTP2_HEADERS ||
           header_[3] == NGHTTP2_CONTINUATION;
  }

  std::size_t preface_left_ = kPreface;
  std::array<std::uint8_t, kFrameHeader> header_{};
  std::size_t header_size_ = 0;
  std::size_t payload_left_ = 0;
};

class Http2Session final : public JudgedSession {
 public:
  explicit Http2Session(SessionOwner& owner) : owner_(owner) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    const int made = nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    if (made != 0) throw std::runtime_error("no HTTP/2 session could be made");
    const nghttp2_settings_entry streams{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kStreams};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &streams, 1);
    send();
  }
  ~Http2Session() override { nghttp2_session_del(session_); }
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  void take(std::string_view bytes, bool late) override {
    late_ = late;
    const std::uint64_t of_requests = frames_.count(bytes);
    if (late && of_requests > 0) owner_.late_bytes(of_requests);
    nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                             bytes.size());
    send();
  }

  void answer(int stream, const JudgedAnswer& answer) override {
    const std::string status = std::to_string(answer.status);
    std::vector<nghttp2_nv> fields{field(":status", status),
                                   field("content-type", "application/json")};
    if (!answer.location.empty()) fields.push_back(field("location", answer.location));
    nghttp2_data_provider body{};
    body.read_callback = give_body;
    nghttp2_submit_response(session_, stream, fields.data(), fields.size(), &body);
    send();
  }

  std::size_t unfinished() const override {
    return given_up_ +
           static_cast<std::size_t>(std::count_if(streams_.begin(), streams_.end(),
                                                  [](const auto& s) { return !s.second.whole; }));
  }

 private:
  struct Stream {
    JudgedRequest request;
    bool whole = false;
  };

  static nghttp2_nv field(std::string_view name, std::string_view value) {
    // nghttp2 copies both, and does not write to them.
    return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
            reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
            value.size(), NGHTTP2_NV_FLAG_NONE};
  }

  static ssize_t give_body(nghttp2_session* /*session*/, std::int32_t /*stream*/,
                           std::uint8_t* buffer, std::size_t size, std::uint32_t* flags,
                           nghttp2_data_source* /*source*/, void* /*self*/) {
    if (size < kBody.size()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    std::memcpy(buffer, kBody.data(), kBody.size());
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(kBody.size());
  }

  static int on_begin_headers(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                              void* self) {
    Http2Session& me = *static_cast<Http2Session*>(self);
    me.streams_[frame->hd.stream_id].request.stream = frame->hd.stream_id;
    return 0;
  }

  static int on_header(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                       const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t /*flags*/, void* self) {
    Http2Session& me = *static_cast<Http2Session*>(self);
    JudgedRequest& request = me.streams_[frame->hd.stream_id].request;
    const std::string_view key(reinterpret_cast<const char*>(name), name_size);
    const std::string_view text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":path") request.path = text;
    if (me.owner_.has_key(text)) request.carries_key = true;
    return 0;
  }

  static int on_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* self) {
    Http2Session& me = *static_cast<Http2Session*>(self);
    const auto found = me.streams_.find(frame->hd.stream_id);
    if (found == me.streams_.end()) return 0;
    Stream& stream = found->second;
    if (frame->hd.type == NGHTTP2_HEADERS)
      me.owner_.head_came(stream.request.carries_key, me.late_);
    const bool carries = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (carries && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && !stream.whole) {
      stream.whole = true;
      me.owner_.request_came(stream.request);
    }
    return 0;
  }

  static int on_close(nghttp2_session* /*session*/, std::int32_t stream, std::uint32_t /*error*/,
                      void* self) {
    Http2Session& me = *static_cast<Http2Session*>(self);
    const auto found = me.streams_.find(stream);
    if (found == me.streams_.end()) return 0;
    if (!found->second.whole) ++me.given_up_;
    me.streams_.erase(found);
    return 0;
  }

  void send() {
    const std::uint8_t* bytes = nullptr;
    while (true) {
      const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size <= 0) return;
      output_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    }
  }

  SessionOwner& owner_;
  nghttp2_session* session_ = nullptr;
  FrameCounter frames_;
  bool late_ = false;
  std::size_t given_up_ = 0;
  std::unordered_map<std::int32_t, Stream> streams_;
};

}  // namespace

std::unique_ptr<JudgedSession> http2_session(SessionOwner& owner) {
  return std::make_unique<Http2Session>(owner);
}

}  // namespace stepwell::test
