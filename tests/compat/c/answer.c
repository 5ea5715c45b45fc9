/* Asks an exported model from C: no Python, only TensorFlow's C API.
 *
 *   answer SAVED_MODEL TEXT_OPS QUESTION < CONTEXT
 *
 * SAVED_MODEL is the folder `export` wrote (qa/<version>), TEXT_OPS the library of tensorflow-text that registers
 * FastWordpieceTokenizeWithOffsets (tensorflow_text/python/ops/_fast_wordpiece_tokenizer.so of its wheel). The context
 * is read from standard input as it is, NUL bytes and all. Prints four lines: the answer's start and end (code points,
 * the end exclusive), its score, and the answer itself. Exits with 1 and one line on standard error when anything fails.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

#define NUM_INPUTS 2
#define NUM_OUTPUTS 4

static const char* const kInputs[NUM_INPUTS] = {"question", "context"};
static const char* const kOutputs[NUM_OUTPUTS] = {"answer", "answer_start", "answer_end", "score"};

static void die(const char* what, const char* why) {
  fprintf(stderr, "error: %s: %s\n", what, why);
  exit(1);
}

static void check(TF_Status* status, const char* what) {
  if (TF_GetCode(status) != TF_OK) die(what, TF_Message(status));
}

/* --- Signatures ----------------------------------------------------------------------------------------------------
 *
 * Which tensors a signature's names stand for is said in the MetaGraphDef, a protocol buffer that the C API hands over
 * as bytes. Three nested messages are all that is needed of it, so they are walked by hand:
 *
 *   MetaGraphDef.signature_def (5), a map: { key (1) = "serving_default", value (2) = SignatureDef }
 *   SignatureDef.inputs (1), outputs (2), maps: { key (1) = "question", value (2) = TensorInfo }
 *   TensorInfo.name (1) = "serving_default_question:0"
 */

typedef struct {
  const uint8_t* data;
  size_t size;
} Bytes;

static uint64_t take_varint(Bytes* rest) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (rest->size == 0) die("MetaGraphDef", "cut off");
    const uint8_t byte = *rest->data++;
    rest->size--;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  die("MetaGraphDef", "a number of more than 64 bits");
  return 0;
}

static Bytes take_bytes(Bytes* rest, uint64_t size) {
  if (size > rest->size) die("MetaGraphDef", "cut off");
  const Bytes taken = {rest->data, (size_t)size};
  rest->data += size;
  rest->size -= (size_t)size;
  return taken;
}

/* Takes the next field; *content is empty unless the field is of bytes. Returns its number, 0 at the end. */
static uint64_t next_field(Bytes* rest, Bytes* content) {
  content->data = NULL;
  content->size = 0;
  if (rest->size == 0) return 0;
  const uint64_t tag = take_varint(rest);
  switch (tag & 7) {
    case 0:
      take_varint(rest);
      break;
    case 1:
      take_bytes(rest, 8);
      break;
    case 2:
      *content = take_bytes(rest, take_varint(rest));
      break;
    case 5:
      take_bytes(rest, 4);
      break;
    default:
      die("MetaGraphDef", "a field of no known kind");
  }
  return tag >> 3;
}

static int equals(Bytes bytes, const char* text) {
  return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

/* Looks up `key` in the map that is field `number` of `message`. Returns whether it is there. */
static int find_in_map(Bytes message, uint64_t number, const char* key, Bytes* value) {
  Bytes entry;
  uint64_t field;
  while ((field = next_field(&message, &entry)) != 0) {
    if (field != number) continue;
    Bytes part, found_key = {NULL, 0}, found_value = {NULL, 0};
    uint64_t which;
    while ((which = next_field(&entry, &part)) != 0) {
      if (which == 1) found_key = part;
      if (which == 2) found_value = part;
    }
    if (equals(found_key, key)) {
      *value = found_value;
      return 1;
    }
  }
  return 0;
}

/* The tensor behind `name` in the map `number` of a signature (1: inputs, 2: outputs). */
static TF_Output find_tensor(TF_Graph* graph, Bytes signature, uint64_t number, const char* name) {
  Bytes info, tensor_name;
  if (!find_in_map(signature, number, name, &info)) die(name, "the signature has no such tensor");
  uint64_t field;
  while ((field = next_field(&info, &tensor_name)) != 0 && field != 1) {
  }
  char operation[256];
  if (field != 1 || tensor_name.size >= sizeof operation) die(name, "its tensor has no usable name");
  memcpy(operation, tensor_name.data, tensor_name.size);
  operation[tensor_name.size] = '\0';
  char* colon = strrchr(operation, ':');
  if (colon == NULL) die(name, "expected a tensor's name such as StatefulPartitionedCall:0");
  *colon = '\0';
  const TF_Output output = {TF_GraphOperationByName(graph, operation), atoi(colon + 1)};
  if (output.oper == NULL) die(operation, "no such operation in the graph");
  return output;
}

/* --- Tensors ------------------------------------------------------------------------------------------------------ */

static void free_string(void* data, size_t size, void* unused) {
  (void)size;
  (void)unused;
  TF_StringDealloc(data);
  free(data);
}

/* A batch of one string. */
static TF_Tensor* string_tensor(const char* text, size_t size) {
  TF_TString* string = malloc(sizeof *string);
  if (string == NULL) die("malloc", "no memory");
  TF_StringInit(string);
  TF_StringCopy(string, text, size);
  const int64_t shape[1] = {1};
  return TF_NewTensor(TF_STRING, shape, 1, string, sizeof *string, free_string, NULL);
}

static char* read_all(FILE* file, size_t* size) {
  size_t capacity = 1 << 16, used = 0;
  char* buffer = malloc(capacity);
  while (buffer != NULL) {
    used += fread(buffer + used, 1, capacity - used, file);
    if (used < capacity) break;
    capacity *= 2;
    char* larger = realloc(buffer, capacity);
    if (larger == NULL) free(buffer);
    buffer = larger;
  }
  if (buffer == NULL) die("standard input", "does not fit into memory");
  if (ferror(file)) die("standard input", "cannot be read");
  *size = used;
  return buffer;
}

int main(int argc, char** argv) {
  if (argc != 4) die("usage", "answer SAVED_MODEL TEXT_OPS QUESTION < CONTEXT");
  TF_Status* status = TF_NewStatus();
  TF_Library* text_ops = TF_LoadLibrary(argv[2], status);
  check(status, argv[2]);

  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  TF_Buffer* meta_graph = TF_NewBuffer();
  const char* const tags[] = {"serve"};
  TF_Session* session = TF_LoadSessionFromSavedModel(options, NULL, argv[1], tags, 1, graph, meta_graph, status);
  check(status, argv[1]);

  const Bytes message = {meta_graph->data, meta_graph->length};
  Bytes signature;
  if (!find_in_map(message, 5, "serving_default", &signature)) die(argv[1], "no signature `serving_default`");
  TF_Output inputs[NUM_INPUTS], outputs[NUM_OUTPUTS];
  for (int i = 0; i < NUM_INPUTS; i++) inputs[i] = find_tensor(graph, signature, 1, kInputs[i]);
  for (int i = 0; i < NUM_OUTPUTS; i++) outputs[i] = find_tensor(graph, signature, 2, kOutputs[i]);

  size_t context_size;
  char* context = read_all(stdin, &context_size);
  TF_Tensor* questions[NUM_INPUTS] = {string_tensor(argv[3], strlen(argv[3])), string_tensor(context, context_size)};
  free(context);
  TF_Tensor* answers[NUM_OUTPUTS];
  TF_SessionRun(session, NULL, inputs, questions, NUM_INPUTS, outputs, answers, NUM_OUTPUTS, NULL, 0, NULL, status);
  check(status, "asking");

  const TF_TString* answer = TF_TensorData(answers[0]);
  printf("%d\n%d\n%.9g\n", *(const int32_t*)TF_TensorData(answers[1]), *(const int32_t*)TF_TensorData(answers[2]),
         *(const float*)TF_TensorData(answers[3]));
  fwrite(TF_StringGetDataPointer(answer), 1, TF_StringGetSize(answer), stdout);
  putchar('\n');

  for (int i = 0; i < NUM_OUTPUTS; i++) TF_DeleteTensor(answers[i]);
  for (int i = 0; i < NUM_INPUTS; i++) TF_DeleteTensor(questions[i]);
  TF_DeleteBuffer(meta_graph);
  TF_DeleteSessionOptions(options);
  TF_CloseSession(session, status);
  check(status, "closing");
  TF_DeleteSession(session, status);
  TF_DeleteGraph(graph);
  TF_DeleteLibraryHandle(text_ops);
  TF_DeleteStatus(status);
  return fflush(stdout) == 0 ? 0 : 1;
}
