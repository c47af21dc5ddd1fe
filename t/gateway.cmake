# For the builds of t, t/fuzz and t/bench: `gateway_library(core)` and so on for the directories of src that need no nginx, by what
# config.list says. Whatever is included before it adds its own flags by add_compile_options.

# Where build.sh has built the module, its objects are there already, and the sources take long to compile.
set(OBJECTS "" CACHE PATH "the directory objs of an nginx that the module was built for; empty: compile the sources")

cmake_path(SET root NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/..)
set(src ${root}src)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${root}config.list)
file(READ ${root}config.list list)
string(REPLACE ";" "," list "${list}")
foreach(name IN ITEMS language warnings one_by_one catalog page libraries)
    string(REGEX MATCH "\nimage_gateway_${name}=\"([^\"]*)\"" line "${list}")
    if(NOT line)
        message(FATAL_ERROR "config.list does not say image_gateway_${name}")
    endif()
    set(${name} "${CMAKE_MATCH_1}")
endforeach()
separate_arguments(language)
separate_arguments(warnings)
separate_arguments(one_by_one)
string(STRIP "${libraries}" libraries)
string(REGEX REPLACE "[\n]+" ";" libraries "${libraries}")
set(catalog ${root}${catalog})
set(page ${root}${page})

add_compile_options(${language} -Wall -Wconversion ${warnings})

# A program or library with one of these sees our headers and the catalogue.
add_library(gateway INTERFACE)
target_include_directories(gateway INTERFACE ${src})
target_compile_definitions(gateway INTERFACE IMAGE_GATEWAY_CATALOG="${catalog}"
    IMAGE_GATEWAY_PAGE="${CMAKE_BINARY_DIR}/page.html")

file(GLOB page_sources CONFIGURE_DEPENDS ${page}/*)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/page.html DEPENDS ${page_sources}
    COMMAND sh ${page}/assemble.sh >${CMAKE_BINARY_DIR}/page.html)

# ROOM: the static library of that name, and with it what it is linked with
function(gateway_library room)
    if(OBJECTS)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${OBJECTS}/image_gateway/objects)
        file(STRINGS ${OBJECTS}/image_gateway/objects rows REGEX "(^|/)(image_gateway/${room}(-[^/ ]*)?[.]cc|src/${room}/[^ ]*) ")
        list(TRANSFORM rows REPLACE ".* " "")
        add_library(${room} STATIC ${rows})
        set_target_properties(${room} PROPERTIES LINKER_LANGUAGE CXX)
    else()
        file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${src}/${room}/*.cc)
        _one_unit_for_each_directory(${sources})
        add_library(${room} STATIC ${sources})
        set_target_properties(${room} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
    endif()
    target_link_libraries(${room} PUBLIC gateway)
    foreach(row IN LISTS libraries)
        string(REGEX MATCH "^([^ ]+) +[^ ]+ +([^ ]+)$" row "${row}")
        if(CMAKE_MATCH_2 STREQUAL room AND NOT CMAKE_MATCH_1 STREQUAL "-")
            target_link_libraries(${room} PUBLIC ${CMAKE_MATCH_1})
        endif()
    endforeach()
endfunction()

# Those that embed the catalogue or the page depend on it, and say so one by one: the compiler's dependency files do not list it.
function(_one_unit_for_each_directory)
    foreach(source IN LISTS ARGN)
        cmake_path(GET source PARENT_PATH directory)
        cmake_path(RELATIVE_PATH directory BASE_DIRECTORY ${src})
        file(STRINGS ${source} mentions_catalog REGEX IMAGE_GATEWAY_CATALOG)
        file(STRINGS ${source} mentions_page REGEX IMAGE_GATEWAY_PAGE)
        if(mentions_catalog)
            set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${catalog})
        elseif(mentions_page)
            set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/page.html)
        elseif(NOT directory IN_LIST one_by_one)
            set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${directory})
        endif()
    endforeach()
endfunction()
