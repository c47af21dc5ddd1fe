// Makes the edge of an edited area soft. The soft part lies inside the area, so that nothing
// outside of it changes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gateway {

inline constexpr int kMaxFeather = 64;

// Lowers strengths (0 keeps a pixel, 255 edits it) so that they rise from 0 to 255 over `pixels`
// pixels, up to kMaxFeather: each becomes the minimum, over all pixels, of that pixel's strength
// plus a step times the distance to it. The step is 255 / (pixels + 1), rounded up. A pixel of 0
// stays 0, and one far from any edge keeps its strength. The sides of the image are no edges.
// Distances are sums of straight and diagonal steps, which is right to 6 %. Returns false if
// stopped.
bool feather(std::span<uint8_t> strengths, size_t width, int pixels,
             const std::atomic<bool> *stop = nullptr);

}  // namespace gateway
