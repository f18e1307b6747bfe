// W1, W3 and P1 through the engine, each beside bare libcurl making the same requests, in turn.
#pragma once

#include <vector>

#include "benchmarks/results.h"

namespace stepwell::bench {

constexpr int kRounds = 5;

std::vector<Row> one_get_without_journal();
// With 64 in flight: the rate, and the process's CPU time with what each kind of thread has of it.
std::vector<Row> one_get();
// 1,000 at once against bare libcurl with 1,000 handles; journal off, full, and full on a disk
// whose commits take a millisecond longer.
std::vector<Row> thousand_gets();
std::vector<Row> slow_disk();
std::vector<Row> three_gets();
std::vector<Row> one_post();
// What an instance adds to a request's time while the engine is half busy.
std::vector<Row> latency();
// Started by POST /instances?wait= over 64 connections.
std::vector<Row> one_get_by_api();

}  // namespace stepwell::bench
