/* SPDX-License-Identifier: Apache-2.0 */
/* Names of kernels from their addresses, for messages. Kernels are static functions, which dladdr does not know, so the symbol
 * table of the program's file is read. */
#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/gpu/host/engine.h"

namespace hdi_gpu_host {

struct place {
    uintptr_t address, base;
    std::string file;
};

static int find_object(struct dl_phdr_info *info, size_t, void *data) {
    place *p = (place *)data;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type != PT_LOAD || p->address - begin >= info->dlpi_phdr[i].p_memsz) continue;
        p->base = info->dlpi_addr;
        p->file = info->dlpi_name && info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe";
        return 1;
    }
    return 0;
}

/* The function of a 64-bit ELF image that begins at `value`; NULL: none. */
static const char *find_function(const char *image, size_t bytes, uintptr_t value) {
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)image;
    if (bytes < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_shentsize != sizeof(ElfW(Shdr)))
        return nullptr;
    if (header->e_shoff > bytes || bytes - header->e_shoff < header->e_shnum * sizeof(ElfW(Shdr))) return nullptr;
    const ElfW(Shdr) *section = (const ElfW(Shdr) *)(image + header->e_shoff);
    for (int i = 0; i < header->e_shnum; i++) {
        if (section[i].sh_type != SHT_SYMTAB || section[i].sh_link >= header->e_shnum) continue;
        const ElfW(Shdr) *names = &section[section[i].sh_link];
        if (section[i].sh_offset > bytes || bytes - section[i].sh_offset < section[i].sh_size) continue;
        if (names->sh_offset > bytes || bytes - names->sh_offset < names->sh_size) continue;
        const ElfW(Sym) *symbol = (const ElfW(Sym) *)(image + section[i].sh_offset);
        for (size_t k = 0; k < section[i].sh_size / sizeof *symbol; k++)
            if ((symbol[k].st_info & 15) == STT_FUNC && symbol[k].st_value == value && symbol[k].st_name < names->sh_size)
                return image + names->sh_offset + symbol[k].st_name;
    }
    return nullptr;
}

/* "hdi_gpu_32::rms_norm<hdi_gpu_32::f32>(hdi_operand, float)" and the like, without name spaces and parameters. */
static std::string shorten(std::string name) {
    if (name.compare(0, 5, "void ") == 0) name.erase(0, 5);
    size_t end = 0;
    for (int depth = 0; end < name.size() && (depth || name[end] != '('); end++) depth += (name[end] == '<') - (name[end] == '>');
    name.resize(end);
    for (const char *space : {"hdi_gpu_32::", "hdi_gpu_64::", "(anonymous namespace)::"})
        for (size_t at; (at = name.find(space)) != std::string::npos;) name.erase(at, strlen(space));
    return name;
}

std::string function_name(const void *function) {
    place p = {(uintptr_t)function, 0, ""};
    if (!function || !dl_iterate_phdr(find_object, &p)) return "";
    int fd = open(p.file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return "";
    struct stat status;
    std::string result;
    void *image = fstat(fd, &status) == 0 ? mmap(nullptr, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (image == MAP_FAILED) return "";
    if (const char *name = find_function((const char *)image, (size_t)status.st_size, p.address - p.base)) {
        char *plain = abi::__cxa_demangle(name, nullptr, nullptr, nullptr);
        result = shorten(plain ? plain : name);
        free(plain);
    }
    munmap(image, (size_t)status.st_size);
    return result;
}

} // namespace hdi_gpu_host
