// What clients of a daemon wait for where it keeps a million instances: beside one that keeps few,
// for lists by each filter and ordering, and to delete a tenth of them.
// Used by one thread, which blocks.
#pragma once

#include <cstddef>
#include <vector>

#include "benchmarks/daemon_site.h"
#include "benchmarks/results.h"

namespace stepwell::bench {

// The workflow that is started: one `set`, so that what is measured is the way to the disk.
void write_quick_definition(const DaemonSite& site);

// Starts, reads of one instance and pages of a list: requests a second and p99. The yardstick is
// `few`.
std::vector<Row> requests_beside_few(const DaemonProcess& daemon, const DaemonSite& site,
                                     const DaemonProcess& few, const DaemonSite& few_site,
                                     std::size_t stored);

// Until a page is full, or there is no more: by each filter and ordering.
std::vector<Row> stored_lists(const DaemonProcess& daemon, const DaemonSite& site);

// All instances of one workflow among all: to count them, to go through them page by page, to
// delete them with their journal; and what others who start instances wait meanwhile.
std::vector<Row> stored_deletion(const DaemonProcess& daemon, const DaemonSite& site,
                                 std::size_t stored);

}  // namespace stepwell::bench
