# cmake --install, and the Debian package (cpack -G DEB in the build folder).
include(GNUInstallDirs)

foreach(program wherry wherryd wherry-keeper wherry-runtime wherry-init)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()

configure_file(${CMAKE_SOURCE_DIR}/packaging/systemd/wherry.service.in
               ${CMAKE_BINARY_DIR}/wherry.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/wherry.service ${CMAKE_SOURCE_DIR}/packaging/systemd/wherry.socket
        DESTINATION lib/systemd/system)
install(FILES packaging/completions/wherry.bash
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME wherry)
install(FILES packaging/completions/_wherry DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES packaging/completions/wherry.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES packaging/man/wherry.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES packaging/man/wherryd.8 packaging/man/wherry-runtime.8
        packaging/man/wherry-keeper.8 packaging/man/wherry-init.8
        DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES LICENSE README.md docs/differences.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME wherry)
set(CPACK_PACKAGE_CONTACT "The wherry authors <wherry@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "container engine that docker's clients and tools can use")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_STRIP_FILES ON)
include(CPack)
