// A binary heap of deadlines threaded through its elements: no allocation for each timer, removal
// from the middle in logarithmic time. The heap does not own its elements.
// Not safe between threads.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace stepwell::http {

struct TimerHook {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  SteadyTime due;
  std::size_t position = kNone;
  bool armed() const { return position != kNone; }
};

template <class T, TimerHook T::*hook>
class TimerHeap {
 public:
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  // The element that is due first; precondition: not empty.
  T& top() const { return *heap_.front(); }
  SteadyTime due() const { return (heap_.front()->*hook).due; }

  // Adds the element, or moves it where it is in the heap already.
  void arm(T& element, SteadyTime due) {
    TimerHook& timer = element.*hook;
    timer.due = due;
    if (!timer.armed()) {
      timer.position = heap_.size();
      heap_.push_back(&element);
    }
    settle(timer.position);
  }

  // Does nothing where the element is not in the heap.
  void disarm(T& element) {
    const std::size_t at = (element.*hook).position;
    if (at == TimerHook::kNone) return;
    T* last = heap_.back();
    heap_.pop_back();
    (element.*hook).position = TimerHook::kNone;
    if (last == &element) return;
    place(at, last);
    settle(at);
  }

 private:
  SteadyTime key(std::size_t at) const { return (heap_[at]->*hook).due; }
  void place(std::size_t at, T* element) {
    heap_[at] = element;
    (element->*hook).position = at;
  }
  void swap(std::size_t a, std::size_t b) {
    T* element = heap_[a];
    place(a, heap_[b]);
    place(b, element);
  }
  void settle(std::size_t at) {
    while (at > 0 && key(at) < key((at - 1) / 2)) {
      swap(at, (at - 1) / 2);
      at = (at - 1) / 2;
    }
    for (;;) {
      std::size_t least = at;
      for (std::size_t child = 2 * at + 1; child <= 2 * at + 2; ++child)
        if (child < heap_.size() && key(child) < key(least)) least = child;
      if (least == at) return;
      swap(at, least);
      at = least;
    }
  }

  std::vector<T*> heap_;
};

}  // namespace stepwell::http
