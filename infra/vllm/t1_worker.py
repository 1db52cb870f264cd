"""What a worker of the vLLM server does for t1 beyond vLLM; the server is told to extend its workers by it."""


class Reload:
    def reload_policy(self) -> None:
        """Reads the weights again, all of them.

        vLLM's reload_weights passes over an output layer that shares its weights with the input embedding, since the
        checkpoint names them once. On a CPU that layer multiplies by a packed copy, made of the weights it began with:
        after a change of policy it would go on with those.
        """
        self.reload_weights()
        shared: dict[int, list] = {}
        for layer in self.model_runner.get_model().modules():
            weight, method = getattr(layer, "weight", None), getattr(layer, "quant_method", None)
            if weight is not None and method is not None and weight.numel():
                shared.setdefault(weight.data_ptr(), []).append((layer, method))
        for layers in shared.values():
            if len(layers) > 1:
                for layer, method in layers:
                    method.process_weights_after_loading(layer)
