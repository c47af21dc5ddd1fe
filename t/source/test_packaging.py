"""What packages repeat from elsewhere agrees with it."""

import re


def test_the_package_is_built_with_the_libraries_of_config_list(project):
    listed = re.search(r'image_gateway_libraries="\n(.*?)"', (project / "config.list").read_text(), re.DOTALL)[1]
    libraries = {line.split()[1] for line in listed.splitlines()}
    control = (project / "packaging/debian/control").read_text()
    wanted = re.search(r"^Build-Depends:\n(.*?)\n\n", control, re.DOTALL | re.MULTILINE)[1]
    assert {name for name in re.findall(r"^ ([\w.+-]+)", wanted, re.MULTILINE) if name.startswith(("lib", "zlib"))} == libraries


def test_every_command_has_a_manual_page_with_all_that_its_help_names(project):
    for tool in ("image-gateway", "image-gateway-key"):
        source = (project / "src/tools" / tool).read_text()
        page = (project / "src/tools" / f"{tool}.1").read_text()
        words = re.findall(rf"^(?:Usage:)? +{tool} (\w+)(?: (\w+))?", source, re.MULTILINE)
        assert words
        for word in {word for pair in words for word in pair if word and word.islower()}:
            assert re.search(rf"\b{word}\b", page), f"{tool}.1 does not name {word}"


def test_the_examples_of_docker_and_kubernetes_have_one_user(project):
    dockerfile = (project / "examples/docker/Dockerfile").read_text()
    user = re.search(r"^USER (\d+)$", dockerfile, re.MULTILINE)[1]
    pod = (project / "examples/kubernetes/image-gateway.yaml").read_text()
    assert set(re.findall(r"(?:runAsUser|runAsGroup|fsGroup): (\d+)", pod)) == {user}
