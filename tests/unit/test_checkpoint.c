/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of weights: single, sharded, and all that can be wrong with them. Every test works in a folder of its own. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/cmocka_all.h"

#include "base/file.h"
#include "base/memory.h"
#include "formats/checkpoint.h"

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/heddle-ck-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char *path = hdi_path_join(folder, entry->d_name);
        if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2) remove(path);
        hdi_free(path);
    }
    if (dir) closedir(dir);
    return rmdir(folder);
}

static void write_text(const char *name, const char *text) {
    char *path = hdi_path_join(folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    hdi_free(path);
}

static const float values[4] = {1, 2, 3, 4};

/* A file of float tensors, four elements each, named by the characters of `names`. */
static void write_weights(const char *file, const char *names) {
    static char storage[16][2];
    hdi_stored_tensor tensors[16];
    size_t n = strlen(names);
    for (size_t i = 0; i < n; i++) {
        storage[i][0] = names[i];
        tensors[i] = (hdi_stored_tensor){
            .name = storage[i], .dtype = HD_DTYPE_F32, .ndim = 1, .shape = {4}, .data = values, .bytes = sizeof values};
    }
    char *path = hdi_path_join(folder, file);
    assert_int_equal(hdi_safetensors_write(path, tensors, n, NULL), HD_OK);
    hdi_free(path);
}

static void expect(const char *where, hd_status code, const char *a, const char *b) {
    hdi_checkpoint *c = NULL;
    hd_status status = hdi_checkpoint_open(where, &c);
    const char *said = hd_last_error();
    if (status != code || c || !strstr(said, where) || !strstr(said, a) || !strstr(said, b))
        fail_msg("code %d, \"%s\"; wanted code %d, \"%s\" and \"%s\"", status, said, code, a, b);
}

static void a_single_file_opens(void **state) {
    (void)state;
    hdi_checkpoint *c;
    write_weights("model.safetensors", "ba");
    assert_int_equal(hdi_checkpoint_open(folder, &c), HD_OK);
    assert_int_equal(hdi_checkpoint_count(c), 2);
    assert_int_equal(hdi_checkpoint_files(c), 1);
    assert_int_equal(hdi_checkpoint_bytes(c), 2 * sizeof values);
    assert_string_equal(hdi_checkpoint_at(c, 0)->name, "b");
    assert_string_equal(hdi_checkpoint_folder(c), folder);
    const hdi_stored_tensor *a = hdi_checkpoint_find(c, "a");
    assert_memory_equal(a->data, values, sizeof values);
    hdi_stored_tensor_will_need(a);
    hdi_stored_tensor_done(a);
    assert_memory_equal(a->data, values, sizeof values);
    assert_null(hdi_checkpoint_find(c, "c"));
    hdi_checkpoint_close(c);
    hdi_checkpoint_close(NULL);
}

static void shards_open_as_one(void **state) {
    (void)state;
    hdi_checkpoint *c;
    write_weights("model-00001-of-00002.safetensors", "bx");
    write_weights("model-00002-of-00002.safetensors", "acx");
    write_text("model.safetensors.index.json",
               "{\"metadata\":{\"total_size\":1},\"weight_map\":{\"a\":\"model-00002-of-00002.safetensors\","
               "\"b\":\"model-00001-of-00002.safetensors\",\"x\":\"model-00002-of-00002.safetensors\"}}");
    assert_int_equal(hdi_checkpoint_open(folder, &c), HD_OK);
    assert_int_equal(hdi_checkpoint_count(c), 3); /* c is in a shard but not in the map */
    assert_int_equal(hdi_checkpoint_files(c), 2);
    assert_string_equal(hdi_checkpoint_at(c, 0)->name, "b");
    assert_string_equal(hdi_checkpoint_at(c, 1)->name, "a");
    assert_non_null(strstr(hdi_checkpoint_find(c, "x")->where, "model-00002-of-00002"));
    assert_null(hdi_checkpoint_find(c, "c"));
    hdi_checkpoint_close(c);
    write_weights("model.safetensors", "z"); /* the single file wins, as in transformers */
    assert_int_equal(hdi_checkpoint_open(folder, &c), HD_OK);
    assert_non_null(hdi_checkpoint_find(c, "z"));
    hdi_checkpoint_close(c);
}

static void folders_without_weights_are_explained(void **state) {
    (void)state;
    char *path = hdi_path_join(folder, "absent"), *file = hdi_path_join(folder, "model.gguf");
    expect(path, HD_NOT_FOUND, "no such folder", "");
    expect(folder, HD_NOT_FOUND, "neither model.safetensors nor model.safetensors.index.json", "hub");
    write_text("model.gguf", "GGUF");
    expect(file, HD_INVALID_ARGUMENT, "is a file", "config.json");
    expect(folder, HD_NOT_FOUND, "model.gguf is a GGUF file", "fetch");
    write_text("pytorch_model.bin", "PK");
    expect(folder, HD_NOT_FOUND, "pytorch_model.bin", "save_pretrained");
    write_text("consolidated.safetensors", "");
    expect(folder, HD_NOT_FOUND, "consolidated.safetensors", "rename");
    write_text("model-00001-of-00002.safetensors", "");
    expect(folder, HD_NOT_FOUND, "model-00001-of-00002.safetensors is one of several shards", "index");
    char *entry = hdi_path_join(folder, "model-00001-of-00002.safetensors");
    remove(entry);
    hdi_free(entry);
    write_text("adapter_model.safetensors", "");
    expect(folder, HD_NOT_FOUND, "adapter_model.safetensors", "merge");
    entry = hdi_path_join(folder, "model.safetensors");
    assert_int_equal(symlink("../blobs/absent", entry), 0);
    expect(folder, HD_NOT_FOUND, "model.safetensors is a link to a file that is not there", "fetch");
    remove(entry);
    hdi_free(entry);
    write_text("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid");
    expect(folder, HD_CORRUPT, "model.safetensors", "git lfs pull");
    hdi_free(path);
    hdi_free(file);
}

static void index_is(const char *text, const char *a, const char *b) {
    write_text("model.safetensors.index.json", text);
    expect(folder, HD_CORRUPT, a, b);
}

static void a_lying_index_is_refused(void **state) {
    (void)state;
    write_weights("m.safetensors", "a");
    index_is("", "empty", "index.json");
    index_is("[]", "index.json", "weight_map");
    index_is("{}", "index.json", "\"weight_map\" is missing");
    index_is("{\"weight_map\":{}}", "names no tensor", "");
    index_is("{\"weight_map\":{\"a\":1}}", "tensor \"a\"", "file name");
    index_is("{\"weight_map\":{\"a\":\"m.safetensors\\u0000\"}}", "tensor \"a\"", "file name");
    index_is("{\"weight_map\":{\"a\":\"\"}}", "tensor \"a\"", "plain name");
    index_is("{\"weight_map\":{\"a\":\"..\"}}", "tensor \"a\"", "plain name");
    index_is("{\"weight_map\":{\"a\":\"../m.safetensors\"}}", "tensor \"a\"", "\"../m.safetensors\"");
    index_is("{\"weight_map\":{\"a\":\"/tmp/m.safetensors\"}}", "tensor \"a\"", "plain name");
    index_is("{\"weight_map\":{\"a\":\"x\\\\m.safetensors\"}}", "tensor \"a\"", "plain name");
    index_is("{\"weight_map\":{\"a\":\"config.json\"}}", "tensor \"a\"", "plain name");
    index_is("{\"weight_map\":{\"a\":\"m.safetensors\",\"b\":\"m.safetensors\"}}", "tensor \"b\" is not in m.safetensors", "");
    index_is("{\"weight_map\":{\"a\":\"m.safetensors\",\"a\":\"m.safetensors\"}}", "uplicate", "");
    write_text("model.safetensors.index.json", "{\"weight_map\":{\"a\":\"m.safetensors\",\"b\":\"n.safetensors\"}}");
    expect(folder, HD_NOT_FOUND, "n.safetensors", "not there");
    write_text("n.safetensors", "short");
    expect(folder, HD_CORRUPT, "n.safetensors", "5 bytes, too few");
}

static void failing_allocations_leave_nothing(void **state) {
    (void)state;
    hdi_checkpoint *c = NULL;
    hd_status status = HD_OUT_OF_MEMORY;
    int n = 0;
    write_weights("m.safetensors", "ab");
    write_weights("n.safetensors", "c");
    write_text("model.safetensors.index.json",
               "{\"weight_map\":{\"a\":\"m.safetensors\",\"b\":\"m.safetensors\",\"c\":\"n.safetensors\"}}");
    for (; n < 1000 && status != HD_OK; n++) {
        hdi_memory_fail_after(n);
        status = hdi_checkpoint_open(folder, &c);
        hdi_memory_fail_after(-1);
        assert_true(status == HD_OK || (status == HD_OUT_OF_MEMORY && !c));
    }
    assert_int_equal(status, HD_OK);
    assert_in_range(n, 20, 999);
    hdi_checkpoint_close(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_single_file_opens, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(shards_open_as_one, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(folders_without_weights_are_explained, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_lying_index_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(failing_allocations_leave_nothing, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
