// CPU time of this process, as a whole and by what its threads are for.
// Free functions, for the benchmark's main thread.
#pragma once

#include <map>
#include <string>

namespace stepwell::bench {

// Microseconds since the process began; threads that have ended count.
double process_cpu();
// Of the calling thread.
double thread_cpu();

// Microseconds of each group of threads that live now: "reactor", "workers", "journal", "main",
// and "other" for what has no name of ours.
using ThreadTimes = std::map<std::string, double>;
ThreadTimes thread_times();
// What came on top since `before`.
ThreadTimes since(const ThreadTimes& before);

std::size_t threads_now();
// The most that was ever resident since forget_peak(), in KiB.
double peak_kib();
double resident_kib();
void forget_peak();

}  // namespace stepwell::bench
