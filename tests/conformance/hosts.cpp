#include <mutex>

#include "tests/conformance/stage.h"

namespace stepwell::conformance {

struct Hosts::Parts {
  test::PlayedAnswer answer(const test::PlayedRequest& request) {
    test::PlayedServer::Handler current;
    {
      const std::scoped_lock lock(mutex);
      current = handler;
    }
    return current ? current(request) : test::PlayedAnswer{404, {}, "nobody plays this host"};
  }

  std::mutex mutex;
  test::PlayedServer::Handler handler;  // guarded by mutex
  const test::TestCertificate certificate{{"petstore.swagger.io", "petstore3.swagger.io",
                                           "httpbin.org", "*.example.com", "*.example.org"}};
  test::PlayedServer plain{[this](const test::PlayedRequest& request) { return answer(request); }};
  test::PlayedServer secure{[this](const test::PlayedRequest& request) { return answer(request); },
                            &certificate};
};

Hosts::Hosts() : parts_(std::make_unique<Parts>()) {}
Hosts::~Hosts() = default;

void Hosts::begin(test::PlayedServer::Handler handler) {
  const std::scoped_lock lock(parts_->mutex);
  parts_->handler = std::move(handler);
}

std::vector<std::string> Hosts::connect_to() const {
  return {":80:127.0.0.1:" + std::to_string(parts_->plain.port()),
          ":443:127.0.0.1:" + std::to_string(parts_->secure.port())};
}

const std::string& Hosts::ca_file() const { return parts_->certificate.file(); }
std::string Hosts::certificate_text() const { return parts_->certificate.certificate_text(); }
std::string Hosts::key_text() const { return parts_->certificate.key_text(); }
std::size_t Hosts::held() const { return parts_->plain.held() + parts_->secure.held(); }
void Hosts::release(const test::PlayedAnswer& answer) {
  parts_->plain.release(answer);
  parts_->secure.release(answer);
}

}  // namespace stepwell::conformance
