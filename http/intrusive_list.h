// A doubly linked list threaded through its elements: no allocation, removal from the middle in
// constant time. The list does not own its elements; each is in at most one list for each hook.
// Not safe between threads.
#pragma once

#include <cstddef>

namespace stepwell::http {

template <class T>
struct ListHook {
  T* previous = nullptr;
  T* next = nullptr;
  bool linked = false;
};

template <class T, ListHook<T> T::*hook>
class IntrusiveList {
 public:
  bool empty() const { return head_ == nullptr; }
  std::size_t size() const { return size_; }
  T* front() const { return head_; }
  T* next(const T& element) const { return (element.*hook).next; }

  // Precondition: the element is in no list of this hook.
  void push_back(T& element) {
    auto& links = element.*hook;
    links = {tail_, nullptr, true};
    (tail_ ? (tail_->*hook).next : head_) = &element;
    tail_ = &element;
    ++size_;
  }

  // Does nothing where the element is in no list.
  void remove(T& element) {
    auto& links = element.*hook;
    if (!links.linked) return;
    (links.previous ? (links.previous->*hook).next : head_) = links.next;
    (links.next ? (links.next->*hook).previous : tail_) = links.previous;
    links = {};
    --size_;
  }

  T* pop_front() {
    T* element = head_;
    if (element != nullptr) remove(*element);
    return element;
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace stepwell::http
