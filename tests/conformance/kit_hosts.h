// The public hosts that the official kit calls, played: a pet shop with its description, and a host
// that asks for a login. Pure functions, callable from any thread.
#pragma once

#include "tests/support/played_server.h"

namespace stepwell::conformance {

test::PlayedAnswer play_kit_host(const test::PlayedRequest& request);

}  // namespace stepwell::conformance
