// OpenAPI documents that were fetched and read, kept for as long as they are fresh. Steps that need
// the same one at the same time wait for one fetch; reading is done on a thread of its own, since a
// document can be large and neither workers nor the reactor may wait for it.
// Owned by OpenApiStep; all members may be called from any thread and do not block. stop() (or the
// destructor) before the reactor goes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/units.h"
#include "steps/fetch.h"
#include "steps/openapi_document.h"

namespace stepwell::steps {

struct OpenApiOptions {
  Bytes document{8ULL * 1024 * 1024};  // the largest one that is read
  Bytes kept{64ULL * 1024 * 1024};     // texts of those that are kept, in all
  std::size_t count = 256;             // of those that are kept
  Milliseconds fresh{600'000};         // where the answer has no max-age (RFC 9111 §5.2.2.1) …
  Milliseconds longest{3'600'000};     // … and what a max-age may ask for at most
};

struct KnownDocument {
  std::shared_ptr<const OpenApiDocument> document;
  std::string url;  // that it came from, after redirects
};

class OpenApiDocuments {
 public:
  OpenApiDocuments(const HttpStepSurroundings& surroundings, const HttpStepOptions& http,
                   const OpenApiOptions& options);
  ~OpenApiDocuments();
  OpenApiDocuments(const OpenApiDocuments&) = delete;
  OpenApiDocuments& operator=(const OpenApiDocuments&) = delete;

  using Ready = std::function<void(Result<KnownDocument>)>;
  // Calls `ready` once, at the earliest before this returns. `share` says who may have the same
  // document besides the URL; empty: nobody. Errors: those of the fetch, and `openapi-invalid`.
  // The answer is for drop().
  std::uint64_t get(const FetchWish& wish, const std::string& share, engine::StepCall call,
                    Ready ready);
  // True: `ready` is not called any more. The last one to leave ends the fetch.
  bool drop(std::uint64_t waiter);
  void stop();

  std::size_t kept() const;

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace stepwell::steps
