// The program's own operator new, which asks first whether this allocation fails. For one source of
// a program, or for a library that is preloaded; it defines `gateway::allocation_fails`.
#pragma once

#include <cstdlib>
#include <new>

namespace gateway {

bool allocation_fails() noexcept;

inline void *allocate_unless_it_fails(size_t size) {
    void *memory = allocation_fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

}  // namespace gateway

void *operator new(size_t size) {
    return gateway::allocate_unless_it_fails(size);
}
void *operator new[](size_t size) {
    return gateway::allocate_unless_it_fails(size);
}
// Those of the standard library would be freed by ours.
void *operator new(size_t size, const std::nothrow_t & /*how*/) noexcept {
    return gateway::allocation_fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
void *operator new[](size_t size, const std::nothrow_t & /*how*/) noexcept {
    return gateway::allocation_fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
void operator delete(void *memory) noexcept {
    std::free(memory);
}
void operator delete[](void *memory) noexcept {
    std::free(memory);
}
void operator delete(void *memory, size_t) noexcept {
    std::free(memory);
}
void operator delete[](void *memory, size_t) noexcept {
    std::free(memory);
}
