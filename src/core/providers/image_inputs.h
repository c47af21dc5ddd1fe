// Writes input images into the bodies of requests. Their bytes are not copied: they are read, and
// encoded if necessary, while the body is sent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/call_body.h"
#include "core/http_call.h"
#include "core/json/writer.h"
#include "core/providers/provider_request.h"
#include "core/request/input_image.h"

namespace gateway {

// How a provider wants an image inside JSON.
enum class ImageText : uint8_t { base64, data_url };

// A JSON document with input images.
class JsonBody {
 public:
    // Everything but images is written here.
    JsonWriter &out() { return out_; }
    // Writes an image as a string: the value of a key or an item of an array.
    void image(const InputImage &image, ImageText as);
    // Ends the document, makes it the body of the call, and adds its Content-Type.
    void move_into(HttpCall &call) &&;

 private:
    JsonWriter out_;
    CallBody body_;
};

// Writes the images and the mask of a call as members of an object, into the fields that the
// model's row names: one image, a list, or numbered fields ("image", "image_2" …).
void write_input_images(JsonBody &body, const CallInputs &inputs, ImageText as);

// "image/jpeg"
std::string media_type_of(ImageFormat format);
// "image.png": providers want a name, and callers' own names are nobody's business.
std::string file_name_of(std::string_view stem, ImageFormat format);

}  // namespace gateway
