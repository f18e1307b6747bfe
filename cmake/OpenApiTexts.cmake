# stepwell_openapi_texts(SOURCE FOLDER FILE…): makes a source that holds the texts of these files. It is
# made when CMake runs, and CMake runs again when one of them changes.
function(stepwell_openapi_texts source folder)
  set(code "#include \"api/openapi.h\"\n\nnamespace stepwell::api {\n\n")
  string(APPEND code "const std::vector<std::pair<std::string_view, std::string_view>>& openapi_texts() {\n")
  string(APPEND code "  static const std::vector<std::pair<std::string_view, std::string_view>> kTexts{\n")
  foreach(name IN LISTS ARGN)
    file(READ "${folder}/${name}" text)
    # A string literal holds 65536 bytes at least; each of these files is much smaller.
    string(APPEND code "      {\"${name}\", R\"stepwell(${text})stepwell\"},\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${folder}/${name}")
  endforeach()
  string(APPEND code "  };\n  return kTexts;\n}\n\n}  // namespace stepwell::api\n")
  file(WRITE "${source}.new" "${code}")
  configure_file("${source}.new" "${source}" COPYONLY)  # only what differs is written
endfunction()
