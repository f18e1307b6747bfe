// Data that somebody sends is kept in the journal and comes back in answers: secrets that are known
// here are masked in it at the door, as they are in what a step is answered. Any thread.
#pragma once

#include "auth/redactor.h"
#include "base/value.h"

namespace stepwell::api {

// The value with every known secret masked in its texts and names; the very same where there is
// none.
Value masked(const auth::Redactor& redactor, const Value& value);

}  // namespace stepwell::api
