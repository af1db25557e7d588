from service.pkg.shipped_files import shipped_file


def test_a_file_is_found_by_the_end_of_its_path() -> None:
    found = shipped_file("pytest", "METADATA")

    assert found
    assert found.read_text().startswith("Metadata-Version")


def test_what_is_not_there_is_not_found() -> None:
    assert shipped_file("pytest", "no/such/file") is None
    assert shipped_file("no-such-distribution", "METADATA") is None
