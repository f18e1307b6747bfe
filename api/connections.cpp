#include "api/connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/strand.hpp>

#include "api/connection_impl.h"

namespace stepwell::api {

namespace asio = boost::asio;

class Connections::Impl {
 public:
  Impl(asio::io_context& io, Dispatcher& dispatcher, BlockingPool& transfers, const Tls* encryption,
       const ServerOptions& options, Metrics& metrics)
      : around{io,
               dispatcher,
               transfers,
               options,
               metrics.gauge("stepwell_api_open_connections", "Open connections to the API."),
               metrics.gauge("stepwell_api_event_streams", "Streams of events that are open."),
               metrics.counter("stepwell_api_event_streams_cut_total",
                               "Streams of events whose client was too slow.")},
        refused(metrics.counter("stepwell_api_connections_refused_total",
                                "Connections that were too many.")),
        tls(encryption) {}

  std::shared_ptr<Connection> make(int descriptor, bool v6, std::string remote);

  Neighbours around;
  Counter refused;
  const Tls* const tls;
};

namespace {

// One thread runs one handler after the other without a strand.
asio::any_io_executor executor_for(asio::io_context& io, const ServerOptions& options) {
  if (options.threads <= 1) return io.get_executor();
  return asio::make_strand(io);
}

}  // namespace

Connections::Connections(asio::io_context& io, Dispatcher& dispatcher, BlockingPool& transfers,
                         const Tls* tls, const ServerOptions& options, Metrics& metrics)
    : impl_(std::make_unique<Impl>(io, dispatcher, transfers, tls, options, metrics)) {}

Connections::~Connections() { abandon(); }

// Null where there are too many.
std::shared_ptr<Connection> Connections::Impl::make(int descriptor, bool v6, std::string remote) {
  const std::size_t most_of_one = around.options.max_connections_per_address;
  const std::scoped_lock lock(around.mutex);
  if (around.all.size() >= around.options.max_connections || around.stopping) return nullptr;
  if (most_of_one > 0) {
    const auto same = around.by_address.find(remote);
    if (same != around.by_address.end() && same->second >= most_of_one) return nullptr;
  }
  std::unique_ptr<Channel> channel = tls ? tls->channel(descriptor) : plain_channel(descriptor);
  if (!channel) return nullptr;
  asio::ip::tcp::socket socket(executor_for(around.io, around.options));
  boost::system::error_code error;
  // NOLINTNEXTLINE(bugprone-unused-return-value): the error is in `error`
  socket.assign(v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), descriptor, error);
  if (error) return nullptr;
  socket.non_blocking(true, error);
  if (most_of_one > 0) ++around.by_address[remote];
  auto connection = std::make_shared<Connection>(around, std::move(socket), std::move(channel),
                                                 std::move(remote));
  around.all.emplace(connection.get(), connection);
  return connection;
}

void Connections::adopt(int descriptor, bool v6, std::string remote) {
  if (const auto connection = impl_->make(descriptor, v6, std::move(remote))) {
    impl_->around.open.add(1);
    return connection->start();
  }
  impl_->refused.increment();
  static const std::string kFull = serialize(problem_response(too_many_connections()), {});
  // A fresh socket has room for so little; whoever does not get it finds a closed connection.
  if (!impl_->tls)
    (void)::send(descriptor, kFull.data(), kFull.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::close(descriptor);
}

void Connections::begin_stop() {
  Neighbours& around = impl_->around;
  around.stopping = true;
  const std::scoped_lock lock(around.mutex);
  for (const auto& [key, connection] : around.all) connection->stop();
}

bool Connections::wait_until_none(Milliseconds limit) {
  Neighbours& around = impl_->around;
  std::unique_lock lock(around.mutex);
  return around.changed.wait_for(lock, limit, [&] { return around.all.empty(); });
}

void Connections::abandon() {
  Neighbours& around = impl_->around;
  {
    const std::scoped_lock lock(around.doorway->mutex);
    around.doorway->open = false;
  }
  decltype(around.all) left;
  {
    const std::scoped_lock lock(around.mutex);
    left.swap(around.all);
  }
  around.open.add(-static_cast<double>(left.size()));
}

}  // namespace stepwell::api
