// An HTTP server that does on each connection what a test's script says: answers well or badly,
// too late, too much, or not at all. It listens on a free port of loopback, records every byte
// that it receives, and stops with its owner; a script runs on a thread of its own and may block.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace stepwell::test {

class MisbehavingServer {
 public:
  // One accepted connection, as a script sees it.
  class Connection {
   public:
    // 0 for the first connection of the server, and so on.
    std::size_t number() const { return number_; }
    // Reads one request, with its body where it says a Content-Length, and returns its bytes;
    // empty where the client closed instead.
    std::string read_request();
    // Reads up to `most` bytes; empty where the client closed.
    std::string read_some(std::size_t most);
    // False where the client is gone.
    bool send(std::string_view bytes);
    // Closes with a TCP reset.
    void reset();
    // Closes the direction to the client.
    void finish_sending();
    // Returns when the client closes or the server stops; what comes meanwhile is recorded.
    void wait_for_close();
    // Waits that long, or until the server stops; false in the latter case.
    bool pause(std::chrono::milliseconds time);
    // Nothing is read from the client until then; ends at the latest when the server stops.
    void wait_until(const std::atomic<bool>& flag);
    // A smaller receive buffer makes the client's writes block early.
    void shrink_receive_buffer();

   private:
    friend class MisbehavingServer;
    Connection(MisbehavingServer& server, int fd, std::size_t number)
        : server_(server), fd_(fd), number_(number) {}
    bool fill();  // more bytes into buffer_; false at the end

    MisbehavingServer& server_;
    int fd_;
    std::size_t number_;
    std::string buffer_;  // read, not yet taken by the script
  };
  using Script = std::function<void(Connection&)>;

  // The script runs for each connection, which is closed when it returns.
  explicit MisbehavingServer(Script script, const char* address = "127.0.0.1");
  ~MisbehavingServer();
  MisbehavingServer(const MisbehavingServer&) = delete;
  MisbehavingServer& operator=(const MisbehavingServer&) = delete;

  int port() const { return port_; }
  std::string url(std::string_view path = "/") const;

  // All bytes received so far, one string a connection.
  std::vector<std::string> received() const;
  std::size_t connections() const;
  // Blocks until so many requests were read with read_request(); false after `patience`.
  bool wait_for_requests(std::size_t count,
                         std::chrono::milliseconds patience = std::chrono::seconds(20)) const;
  std::size_t requests() const;

  // Scripts that many tests need.
  // Answers each request of a connection with these bytes.
  static Script always(std::string answer);
  // Answers one request with these bytes, then closes.
  static Script once(std::string answer);
  // Answers each request with what it received.
  static Script echo();
  // Reads requests and never answers.
  static Script silent();

 private:
  void accept_all();
  void serve(int fd, std::size_t number);
  void record(std::size_t number, std::string_view bytes);

  const Script script_;
  int listener_ = -1;
  int port_ = 0;
  std::string host_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> received_;  // guarded by mutex_
  std::vector<int> open_;              // guarded by mutex_
  std::size_t requests_ = 0;           // guarded by mutex_
  bool stopping_ = false;              // guarded by mutex_
  std::vector<std::thread> threads_;   // the acceptor's, until it is joined
  std::thread acceptor_;
};

// A complete answer: status 200 with this body, or with further header lines ("A: b\r\n").
std::string ok_answer(std::string_view body, std::string_view headers = {});

}  // namespace stepwell::test
