// The history of the database's schema. A migration that has been released is never changed.
#pragma once

#include <span>

#include "store/database.h"

namespace stepwell::store {

std::span<const Migration> schema_migrations();

}  // namespace stepwell::store
