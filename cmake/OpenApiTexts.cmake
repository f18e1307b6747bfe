# Makes a source that holds the texts of api/openapi/*.yaml. Run as
# cmake -DOUT=FILE -DFILES=a.yaml,b.yaml -DDIR=FOLDER -P OpenApiTexts.cmake
string(REPLACE "," ";" names "${FILES}")
set(source "#include \"api/openapi.h\"\n\nnamespace stepwell::api {\n\n")
string(APPEND source "const std::vector<std::pair<std::string_view, std::string_view>>& openapi_texts() {\n")
string(APPEND source "  static const std::vector<std::pair<std::string_view, std::string_view>> kTexts{\n")
foreach(name ${names})
  file(READ "${DIR}/${name}" text)
  # A string literal holds 65536 bytes at least; one of these files is much smaller.
  string(APPEND source "      {\"${name}\", R\"stepwell(${text})stepwell\"},\n")
endforeach()
string(APPEND source "  };\n  return kTexts;\n}\n\n}  // namespace stepwell::api\n")
file(WRITE "${OUT}" "${source}")
